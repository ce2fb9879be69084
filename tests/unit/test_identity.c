/* SPDX-License-Identifier: ISC */
/*
 * proto/identity.c: key files are private, whole and ours or they are refused;
 * keys have one spelling; signatures say what they are for.
 */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/identity.h"

enum { KEY = IDENTITY_KEY_LEN, SIG = IDENTITY_SIG_LEN };

/* A folder of its own for each test; `path` is a key file that is not there. */
static char folder[64], path[80];

static int
make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/snug-identity.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/key", folder);
	return 0;
}

/* The number of files in the folder; `away` takes them away. */
static size_t
files_in_folder(bool away)
{
	DIR *dir = opendir(folder);
	size_t n = 0;

	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		n++;
		if (away)
			assert_int_equal(unlinkat(dirfd(dir), e->d_name, 0), 0);
	}
	closedir(dir);
	return n;
}

static int
drop_folder(void **state)
{
	(void)state;
	files_in_folder(true);
	return rmdir(folder);
}

static void
write_file(const char *text, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static size_t
read_file(char *out, size_t cap)
{
	FILE *f = fopen(path, "rb");

	assert_non_null(f);
	size_t n = fread(out, 1, cap, f);
	fclose(f);
	return n;
}

static struct identity *
must_make(enum identity_kind kind)
{
	char cause[ERR_LEN];
	bool made = false;
	struct identity *id = identity_load_or_make(kind, path, &made, cause);

	assert_non_null(id);
	assert_true(made);
	return id;
}

/* It is refused, the cause has the word, and the file is as it was. */
static void
assert_refused(enum identity_kind kind, const char *word)
{
	char cause[ERR_LEN] = "";
	bool made = true;
	struct stat before, after;
	bool is_there = lstat(path, &before) == 0;

	assert_null(identity_load(kind, path, cause));
	assert_non_null(strstr(cause, word));
	if (!is_there)
		return;
	cause[0] = '\0';
	assert_null(identity_load_or_make(kind, path, &made, cause));
	assert_false(made);
	assert_non_null(strstr(cause, word));
	assert_int_equal(lstat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(before.st_mode, after.st_mode);
	assert_int_equal(files_in_folder(false), 1);
}

/* --- key files ------------------------------------------------------------ */

static void
what_was_made_is_loaded_again(void **state)
{
	(void)state;
	for (int kind = IDENTITY_SERVER; kind <= IDENTITY_USER; kind++) {
		char cause[ERR_LEN];
		bool made = true;
		struct identity *first = must_make((enum identity_kind)kind);
		struct identity *again = identity_load_or_make(
		    (enum identity_kind)kind, path, &made, cause);
		assert_non_null(again);
		assert_false(made);
		assert_memory_equal(
		    identity_public(first), identity_public(again), KEY);
		identity_free(first);
		identity_free(again);
		assert_int_equal(files_in_folder(true), 1);
	}
}

static void
no_two_keys_are_the_same(void **state)
{
	(void)state;
	struct identity *a = identity_new(IDENTITY_SERVER);
	struct identity *b = identity_new(IDENTITY_SERVER);
	assert_memory_not_equal(identity_public(a), identity_public(b), KEY);
	identity_free(a);
	identity_free(b);
	identity_free(NULL);
}

static void
a_file_says_what_it_is(void **state)
{
	char text[256], key[IDENTITY_KEY_TEXT + 1], want[128];

	(void)state;
	struct identity *id = must_make(IDENTITY_USER);
	size_t n = read_file(text, sizeof(text));
	int len =
	    snprintf(want, sizeof(want), "snug user key 1\npublic %s\nsecret ",
		identity_key_text(identity_public(id), key));
	assert_memory_equal(text, want, (size_t)len);
	assert_int_equal(n, (size_t)len + IDENTITY_KEY_TEXT + 1);
	identity_free(id);
}

static void
a_new_file_is_private_whatever_the_umask(void **state)
{
	static const mode_t masks[] = {0, 022, 0777};
	struct stat st;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
		mode_t old = umask(masks[i]);
		identity_free(must_make(IDENTITY_SERVER));
		umask(old);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(st.st_nlink, 1);
		assert_int_equal(files_in_folder(true), 1);
	}
}

static void
a_file_that_others_may_touch_is_refused(void **state)
{
	static const mode_t modes[] = {
	    0604, 0640, 0620, 0602, 0610, 0601, 0644, 0660, 0666, 0777};

	(void)state;
	identity_free(must_make(IDENTITY_SERVER));
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_refused(IDENTITY_SERVER, "chmod 600");
	}
	assert_int_equal(chmod(path, 0400), 0);
	char cause[ERR_LEN];
	struct identity *id = identity_load(IDENTITY_SERVER, path, cause);
	assert_non_null(id);
	identity_free(id);
}

static void
a_file_of_somebody_else_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("only root can give a file away\n");
		skip();
	}
	identity_free(must_make(IDENTITY_SERVER));
	assert_int_equal(chown(path, 12345, 12345), 0);
	assert_refused(IDENTITY_SERVER, "belongs to user 12345");
}

static void
a_symbolic_link_is_refused(void **state)
{
	char target[96];

	(void)state;
	identity_free(must_make(IDENTITY_SERVER));
	snprintf(target, sizeof(target), "%s.real", path);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
	char cause[ERR_LEN];
	bool made = true;
	assert_null(identity_load_or_make(IDENTITY_SERVER, path, &made, cause));
	assert_false(made);
	assert_non_null(strstr(cause, "symbolic link"));
}

/* It would be made in whatever place the link names. */
static void
a_link_to_nowhere_is_refused_and_not_followed(void **state)
{
	char target[96], cause[ERR_LEN];

	(void)state;
	snprintf(target, sizeof(target), "%s.real", path);
	assert_int_equal(symlink(target, path), 0);
	assert_null(identity_load_or_make(IDENTITY_SERVER, path, NULL, cause));
	assert_int_equal(access(target, F_OK), -1);
	assert_int_equal(files_in_folder(false), 1);
}

static void
a_fifo_or_a_folder_is_refused_without_waiting(void **state)
{
	char cause[ERR_LEN];

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(IDENTITY_SERVER, "not a file");
	assert_null(identity_load(IDENTITY_SERVER, folder, cause));
	assert_non_null(strstr(cause, "not a file"));
}

static void
a_file_that_is_not_there_is_refused_by_load(void **state)
{
	(void)state;
	assert_refused(IDENTITY_SERVER, "No such file");
	assert_int_equal(files_in_folder(false), 0);
}

static void
a_key_of_the_other_kind_is_refused(void **state)
{
	(void)state;
	identity_free(must_make(IDENTITY_USER));
	assert_refused(IDENTITY_SERVER, "snug server key 1");
	files_in_folder(true);
	identity_free(must_make(IDENTITY_SERVER));
	assert_refused(IDENTITY_USER, "snug user key 1");
}

static void
a_file_cut_at_any_byte_is_refused(void **state)
{
	char text[256];

	(void)state;
	identity_free(must_make(IDENTITY_SERVER));
	size_t n = read_file(text, sizeof(text));
	for (size_t len = 0; len < n; len++) {
		write_file(text, len, 0600);
		assert_refused(IDENTITY_SERVER, "damaged");
	}
	text[n] = '\n';
	write_file(text, n + 1, 0600);
	assert_refused(IDENTITY_SERVER, "damaged");
}

static void
a_file_with_any_changed_bit_is_refused(void **state)
{
	char text[256];

	(void)state;
	for (int kind = IDENTITY_SERVER; kind <= IDENTITY_USER; kind++) {
		identity_free(must_make((enum identity_kind)kind));
		size_t n = read_file(text, sizeof(text));
		for (size_t bit = 0; bit < 8 * n; bit++) {
			text[bit / 8] ^= (char)(1 << (bit % 8));
			assert_null(identity_parse(
			    (enum identity_kind)kind, (struct span){text, n}));
			text[bit / 8] ^= (char)(1 << (bit % 8));
		}
		files_in_folder(true);
	}
}

/* X25519 ignores five bits of a secret: they are no way to write another file
 * of the same key. */
static void
a_secret_has_one_spelling(void **state)
{
	static const struct {
		size_t byte;
		uint8_t bit;
	} ignored[] = {{0, 1}, {0, 2}, {0, 4}, {31, 64}, {31, 128}};
	char text[256];
	uint8_t secret[KEY];

	(void)state;
	identity_free(must_make(IDENTITY_SERVER));
	struct span file = {text, read_file(text, sizeof(text))};
	char *at = text + file.len - IDENTITY_KEY_TEXT - 1;
	assert_true(
	    identity_parse_key((struct span){at, IDENTITY_KEY_TEXT}, secret));
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++) {
		secret[ignored[i].byte] ^= ignored[i].bit;
		identity_key_text(secret, at);
		at[IDENTITY_KEY_TEXT] = '\n';
		assert_null(identity_parse(IDENTITY_SERVER, file));
		secret[ignored[i].byte] ^= ignored[i].bit;
	}
	identity_key_text(secret, at);
	at[IDENTITY_KEY_TEXT] = '\n';
	struct identity *id = identity_parse(IDENTITY_SERVER, file);
	assert_non_null(id);
	identity_free(id);
}

static void
foreign_content_is_refused(void **state)
{
	char big[100000];

	(void)state;
	memset(big, 'A', sizeof(big));
	write_file(big, sizeof(big), 0600);
	assert_refused(IDENTITY_SERVER, "damaged");
	memset(big, 0, sizeof(big));
	write_file(big, 32, 0600);
	assert_refused(IDENTITY_SERVER, "damaged");
	write_file("-----BEGIN OPENSSH PRIVATE KEY-----\n", 36, 0600);
	assert_refused(IDENTITY_USER, "damaged");
}

static void
a_folder_that_is_not_there_is_named(void **state)
{
	char cause[ERR_LEN], inside[128];

	(void)state;
	snprintf(inside, sizeof(inside), "%s/none/key", folder);
	assert_null(
	    identity_load_or_make(IDENTITY_SERVER, inside, NULL, cause));
	assert_non_null(strstr(cause, "No such file"));
	assert_non_null(strstr(cause, "/none,"));
}

/* A full disk, as far as one can have it in a test. */
static void
a_file_that_cannot_be_written_whole_is_not_there_at_all(void **state)
{
	(void)state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char cause[ERR_LEN];
		const struct rlimit little = {20, 20};
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &little);
		struct identity *id =
		    identity_load_or_make(IDENTITY_SERVER, path, NULL, cause);
		_exit(id || !strstr(cause, strerror(EFBIG)));
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(files_in_folder(false), 0);
}

/* Each says on a pipe which key it has got. */
static void
many_that_make_it_at_once_get_one_key(void **state)
{
	enum { MANY = 16 };
	int ready[2], go[2], keys[2];
	uint8_t first[KEY], next[KEY];
	char byte;

	(void)state;
	assert_int_equal(pipe(ready) | pipe(go) | pipe(keys), 0);
	for (int i = 0; i < MANY; i++) {
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid > 0)
			continue;
		char cause[ERR_LEN];
		close(go[1]);
		(void)!write(ready[1], "", 1);
		(void)!read(go[0], &byte, 1); /* until it is closed */
		struct identity *id =
		    identity_load_or_make(IDENTITY_SERVER, path, NULL, cause);
		static const uint8_t none[KEY];
		(void)!write(keys[1], id ? identity_public(id) : none, KEY);
		_exit(id ? 0 : 1);
	}
	for (int i = 0; i < MANY; i++)
		assert_int_equal(read(ready[0], &byte, 1), 1);
	close(go[1]);
	assert_int_equal(read(keys[0], first, KEY), KEY);
	for (int i = 1; i < MANY; i++) {
		assert_int_equal(read(keys[0], next, KEY), KEY);
		assert_memory_equal(first, next, KEY);
	}
	for (int i = 0; i < MANY; i++) {
		int status;
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(files_in_folder(false), 1);
	close(ready[0]), close(ready[1]);
	close(go[0]);
	close(keys[0]), close(keys[1]);
}

/* --- keys as text --------------------------------------------------------- */

static const char numbers[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

static void
a_key_is_written_and_read_as_base64url(void **state)
{
	uint8_t key[KEY], again[KEY];
	char text[IDENTITY_KEY_TEXT + 1];

	(void)state;
	for (size_t i = 0; i < KEY; i++)
		key[i] = (uint8_t)i;
	assert_string_equal(identity_key_text(key, text), numbers);
	assert_true(identity_parse_key(span_of(text), again));
	assert_memory_equal(key, again, KEY);
	memset(key, 0xfb, KEY);
	identity_key_text(key, text);
	assert_non_null(strchr(text, '-'));
	assert_non_null(strchr(text, '_'));
}

static void
a_key_has_one_spelling(void **state)
{
	static const char *const bad[] = {
	    "",
	    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh",   /* short */
	    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A", /* long */
	    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", /* padded */
	    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9",  /* bits left */
	    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+",  /* not the url's */
	    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh/",
	    " AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
	    "AAECAwQFBgcICQoL\nDA0ODxAREhMUFRYXGBkaGxwdHh8",
	    "AAECAwQFBgcIC\xc3\xa9LDA0ODxAREhMUFRYXGBkaGxwdHh8",
	    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh\xc3",
	};
	uint8_t key[KEY];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(identity_parse_key(span_of(bad[i]), key));
	assert_false(identity_parse_key(SPAN_NONE, key));
	assert_false(identity_parse_key(
	    (struct span){"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH\0"
			  "8",
		IDENTITY_KEY_TEXT},
	    key));
}

static void
a_signature_has_one_spelling(void **state)
{
	uint8_t sig[SIG], again[SIG];
	char text[IDENTITY_SIG_TEXT + 2];

	(void)state;
	randombytes_buf(sig, sizeof(sig));
	identity_sig_text(sig, text);
	assert_int_equal(strlen(text), IDENTITY_SIG_TEXT);
	assert_true(identity_parse_sig(span_of(text), again));
	assert_memory_equal(sig, again, SIG);
	assert_false(identity_parse_sig(
	    (struct span){text, IDENTITY_SIG_TEXT - 1}, again));
	text[IDENTITY_SIG_TEXT] = '=';
	assert_false(identity_parse_sig(
	    (struct span){text, IDENTITY_SIG_TEXT + 1}, again));
	/* 64 bytes leave four bits of the last letter over. */
	text[IDENTITY_SIG_TEXT - 1]++;
	assert_false(
	    identity_parse_sig((struct span){text, IDENTITY_SIG_TEXT}, again));
}

/* Computed by another implementation; the scheme's own example is 127.0.0.1,
 * which is "lusab babad". */
static void
a_fingerprint_is_eight_words(void **state)
{
	uint8_t key[KEY];
	char words[IDENTITY_WORDS_TEXT + 1], other[IDENTITY_WORDS_TEXT + 1];

	(void)state;
	assert_true(identity_parse_key(span_of(numbers), key));
	assert_string_equal(identity_words(key, words),
	    "sorim nivup dujop pubuj posib darat rasuk molit");
	key[0] ^= 1;
	assert_string_not_equal(identity_words(key, other), words);
}

/* --- signatures ----------------------------------------------------------- */

static void
a_signature_over_a_handshake_is_for_that_handshake_alone(void **state)
{
	uint8_t hash[NOISE_HASH_LEN], sig[SIG];

	(void)state;
	struct identity *id = identity_new(IDENTITY_USER);
	struct identity *other = identity_new(IDENTITY_USER);
	randombytes_buf(hash, sizeof(hash));
	identity_sign_auth(id, hash, sig);
	assert_true(identity_verify_auth(identity_public(id), hash, sig));
	assert_false(identity_verify_auth(identity_public(other), hash, sig));
	for (size_t i = 0; i < sizeof(hash); i++) {
		hash[i] ^= 1;
		assert_false(
		    identity_verify_auth(identity_public(id), hash, sig));
		hash[i] ^= 1;
	}
	for (size_t i = 0; i < SIG; i++) {
		sig[i] ^= 1;
		assert_false(
		    identity_verify_auth(identity_public(id), hash, sig));
		sig[i] ^= 1;
	}
	identity_free(id);
	identity_free(other);
}

static void
a_signature_over_a_key_is_for_that_server_and_account_alone(void **state)
{
	uint8_t server[KEY], sig[SIG];

	(void)state;
	struct identity *id = identity_new(IDENTITY_USER);
	const uint8_t *key = identity_public(id);
	randombytes_buf(server, sizeof(server));
	identity_sign_key(id, server, SPAN("a01"), sig);
	assert_true(identity_verify_key(key, server, SPAN("a01"), sig));
	assert_false(identity_verify_key(key, server, SPAN("a02"), sig));
	assert_false(identity_verify_key(key, server, SPAN("a0"), sig));
	server[31] ^= 1;
	assert_false(identity_verify_key(key, server, SPAN("a01"), sig));
	identity_free(id);
}

/* The same bytes behind both words: neither signature is the other. */
static void
a_signature_for_one_thing_is_none_for_another(void **state)
{
	uint8_t hash[NOISE_HASH_LEN], sig[SIG];

	(void)state;
	struct identity *id = identity_new(IDENTITY_USER);
	randombytes_buf(hash, sizeof(hash));
	struct span rest = {(const char *)hash + KEY, sizeof(hash) - KEY};
	identity_sign_key(id, hash, rest, sig);
	assert_true(identity_verify_key(identity_public(id), hash, rest, sig));
	assert_false(identity_verify_auth(identity_public(id), hash, sig));
	identity_free(id);
}

/* Of order 1: with it and a signature of zeros a lax verifier says yes to
 * everything. */
static void
a_public_key_of_low_order_verifies_nothing(void **state)
{
	uint8_t key[KEY] = {1}, hash[NOISE_HASH_LEN] = {0}, sig[SIG] = {1};

	(void)state;
	assert_false(identity_verify_auth(key, hash, sig));
	memset(key, 0, KEY);
	assert_false(identity_verify_auth(key, hash, sig));
}

int
main(void)
{
#define FILE_TEST(fn) \
	cmocka_unit_test_setup_teardown(fn, make_folder, drop_folder)
	const struct CMUnitTest tests[] = {
	    FILE_TEST(what_was_made_is_loaded_again),
	    TEST(no_two_keys_are_the_same),
	    FILE_TEST(a_file_says_what_it_is),
	    FILE_TEST(a_new_file_is_private_whatever_the_umask),
	    FILE_TEST(a_file_that_others_may_touch_is_refused),
	    FILE_TEST(a_file_of_somebody_else_is_refused),
	    FILE_TEST(a_symbolic_link_is_refused),
	    FILE_TEST(a_link_to_nowhere_is_refused_and_not_followed),
	    FILE_TEST(a_fifo_or_a_folder_is_refused_without_waiting),
	    FILE_TEST(a_file_that_is_not_there_is_refused_by_load),
	    FILE_TEST(a_key_of_the_other_kind_is_refused),
	    FILE_TEST(a_file_cut_at_any_byte_is_refused),
	    FILE_TEST(a_file_with_any_changed_bit_is_refused),
	    FILE_TEST(a_secret_has_one_spelling),
	    FILE_TEST(foreign_content_is_refused),
	    FILE_TEST(a_folder_that_is_not_there_is_named),
	    FILE_TEST(a_file_that_cannot_be_written_whole_is_not_there_at_all),
	    FILE_TEST(many_that_make_it_at_once_get_one_key),
	    TEST(a_key_is_written_and_read_as_base64url),
	    TEST(a_key_has_one_spelling),
	    TEST(a_signature_has_one_spelling),
	    TEST(a_fingerprint_is_eight_words),
	    TEST(a_signature_over_a_handshake_is_for_that_handshake_alone),
	    TEST(a_signature_over_a_key_is_for_that_server_and_account_alone),
	    TEST(a_signature_for_one_thing_is_none_for_another),
	    TEST(a_public_key_of_low_order_verifies_nothing),
	};

	if (sodium_init() < 0)
		return 99;
	return RUN(tests);
}
