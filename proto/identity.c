/* SPDX-License-Identifier: ISC */
/*
 * Identities: their key files, their spelling, their signatures.
 *
 * A key file is three lines:
 *
 *	snug server key 1              (or: snug user key 1)
 *	public BASE64URL
 *	secret BASE64URL
 *
 * It is read by taking the secret at its place, writing the file anew from it,
 * and comparing: whatever we would not have written is refused.  The secret is
 * an X25519 scalar or an Ed25519 seed.
 *
 * A fingerprint's words are proquints (D. S. Wilkerson, "A Proposal for
 * Proquints", arXiv:0901.4016): 16 bits are a consonant (4 bits), a vowel (2),
 * a consonant, a vowel and a consonant, so they can be said in most languages
 * without a list of words.
 *
 * The programs choose the paths.  Pins, accounts and whom to trust are not
 * known here.
 */
#include "proto/identity.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum {
	KEY = IDENTITY_KEY_LEN,
	SIG = IDENTITY_SIG_LEN,
	FILE_MAX = 160, /* of a key file, with room to see that it is longer */
	VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

struct identity {
	enum identity_kind kind;
	struct noise_keypair pair; /* of a user, secret is the seed */
	uint8_t sign[crypto_sign_SECRETKEYBYTES]; /* of a user */
};

static const char *const headers[] = {
    [IDENTITY_SERVER] = "snug server key 1",
    [IDENTITY_USER] = "snug user key 1",
};

/* --- keys as text --------------------------------------------------------- */

char *
identity_key_text(
    const uint8_t key[static KEY], char out[static IDENTITY_KEY_TEXT + 1])
{
	return sodium_bin2base64(out, IDENTITY_KEY_TEXT + 1, key, KEY, VARIANT);
}

char *
identity_sig_text(
    const uint8_t sig[static SIG], char out[static IDENTITY_SIG_TEXT + 1])
{
	return sodium_bin2base64(out, IDENTITY_SIG_TEXT + 1, sig, SIG, VARIANT);
}

/* Written anew and compared: libsodium 1.0.18 reads bytes over 127 as if they
 * were letters. */
static bool
from_text(struct span text, size_t text_len, uint8_t *out, size_t out_len)
{
	char again[IDENTITY_SIG_TEXT + 1];
	size_t n;

	if (text.len != text_len ||
	    sodium_base642bin(
		out, out_len, text.p, text.len, NULL, &n, NULL, VARIANT) != 0 ||
	    n != out_len)
		return false;
	sodium_bin2base64(again, sizeof(again), out, out_len, VARIANT);
	bool same = sodium_memcmp(again, text.p, text_len) == 0;
	sodium_memzero(again, sizeof(again));
	return same;
}

bool
identity_parse_key(struct span text, uint8_t out[static KEY])
{
	return from_text(text, IDENTITY_KEY_TEXT, out, KEY);
}

bool
identity_parse_sig(struct span text, uint8_t out[static SIG])
{
	return from_text(text, IDENTITY_SIG_TEXT, out, SIG);
}

/* Five letters of 16 bits. */
static char *
put_word(char *out, unsigned bits)
{
	static const char consonants[] = "bdfghjklmnprstvz";
	static const char vowels[] = "aiou";

	*out++ = consonants[bits >> 12 & 15];
	*out++ = vowels[bits >> 10 & 3];
	*out++ = consonants[bits >> 6 & 15];
	*out++ = vowels[bits >> 4 & 3];
	*out++ = consonants[bits & 15];
	return out;
}

char *
identity_words(
    const uint8_t key[static KEY], char out[static IDENTITY_WORDS_TEXT + 1])
{
	static const char domain[] = "snug-words-1";
	uint8_t hash[crypto_generichash_BYTES_MAX];
	crypto_generichash_state st;
	char *to = out;

	crypto_generichash_init(&st, NULL, 0, sizeof(hash));
	crypto_generichash_update(
	    &st, (const uint8_t *)domain, sizeof(domain) - 1);
	crypto_generichash_update(&st, key, KEY);
	crypto_generichash_final(&st, hash, sizeof(hash));
	for (size_t i = 0; i < IDENTITY_WORDS; i++) {
		if (i > 0)
			*to++ = ' ';
		to = put_word(to, (unsigned)hash[2 * i] << 8 | hash[2 * i + 1]);
	}
	*to = '\0';
	return out;
}

/* --- making --------------------------------------------------------------- */

/* X25519 ignores five bits of a secret (RFC 7748, section 5).  Set as it reads
 * them, a key file has one spelling. */
static void
clamp(uint8_t secret[static KEY])
{
	secret[0] &= 248;
	secret[31] &= 127;
	secret[31] |= 64;
}

/* In memory that is not swapped out, where the system allows it. */
static struct identity *
of_secret(enum identity_kind kind, const uint8_t secret[static KEY])
{
	struct identity *id = sodium_malloc(sizeof(*id));

	if (!id) {
		fputs("out of memory\n", stderr);
		abort();
	}
	*id = (struct identity){.kind = kind};
	memcpy(id->pair.secret, secret, KEY);
	if (kind == IDENTITY_SERVER) {
		clamp(id->pair.secret);
		noise_keypair_of(id->pair.secret, &id->pair);
	} else {
		crypto_sign_seed_keypair(id->pair.public, id->sign, secret);
	}
	return id;
}

struct identity *
identity_new(enum identity_kind kind)
{
	uint8_t secret[KEY];

	randombytes_buf(secret, sizeof(secret));
	struct identity *id = of_secret(kind, secret);
	sodium_memzero(secret, sizeof(secret));
	return id;
}

void
identity_free(struct identity *id)
{
	sodium_free(id); /* wipes */
}

const uint8_t *
identity_public(const struct identity *id)
{
	return id->pair.public;
}

const struct noise_keypair *
identity_keypair(const struct identity *id)
{
	assert(id->kind == IDENTITY_SERVER);
	return &id->pair;
}

/* --- signing -------------------------------------------------------------- */

/* What is signed: a word that says for what, and the rest.  No two of the
 * words begin alike. */
static struct buf
auth_bytes(const uint8_t hash[static NOISE_HASH_LEN])
{
	struct buf b = {0};

	buf_add_str(&b, "snug-auth-1");
	buf_add(&b, hash, NOISE_HASH_LEN);
	return b;
}

static struct buf
key_bytes(const uint8_t server[static KEY], struct span account)
{
	struct buf b = {0};

	buf_add_str(&b, "snug-key-1");
	buf_add(&b, server, KEY);
	buf_add(&b, account.p, account.len);
	return b;
}

/* Frees the bytes, as does verify(). */
static void
sign(const struct identity *id, struct buf b, uint8_t sig[static SIG])
{
	assert(id->kind == IDENTITY_USER);
	crypto_sign_detached(
	    sig, NULL, (const uint8_t *)buf_head(&b), buf_len(&b), id->sign);
	buf_free(&b);
}

static bool
verify(
    const uint8_t key[static KEY], struct buf b, const uint8_t sig[static SIG])
{
	bool good = crypto_sign_verify_detached(sig,
			(const uint8_t *)buf_head(&b), buf_len(&b), key) == 0;

	buf_free(&b);
	return good;
}

void
identity_sign_auth(const struct identity *user,
    const uint8_t hash[static NOISE_HASH_LEN], uint8_t sig[static SIG])
{
	sign(user, auth_bytes(hash), sig);
}

bool
identity_verify_auth(const uint8_t key[static KEY],
    const uint8_t hash[static NOISE_HASH_LEN], const uint8_t sig[static SIG])
{
	return verify(key, auth_bytes(hash), sig);
}

void
identity_sign_key(const struct identity *user, const uint8_t server[static KEY],
    struct span account, uint8_t sig[static SIG])
{
	sign(user, key_bytes(server, account), sig);
}

bool
identity_verify_key(const uint8_t key[static KEY],
    const uint8_t server[static KEY], struct span account,
    const uint8_t sig[static SIG])
{
	return verify(key, key_bytes(server, account), sig);
}

/* --- key files: content --------------------------------------------------- */

/* Gives the length; wipe what was written. */
static size_t
write_text(const struct identity *id, char out[static FILE_MAX])
{
	char public[IDENTITY_KEY_TEXT + 1], secret[IDENTITY_KEY_TEXT + 1];
	int n = snprintf(out, FILE_MAX, "%s\npublic %s\nsecret %s\n",
	    headers[id->kind], identity_key_text(id->pair.public, public),
	    identity_key_text(id->pair.secret, secret));

	sodium_memzero(secret, sizeof(secret));
	assert(n > 0 && n < FILE_MAX);
	return (size_t)n;
}

struct identity *
identity_parse(enum identity_kind kind, struct span text)
{
	uint8_t secret[KEY];
	char again[FILE_MAX];

	if (text.len < IDENTITY_KEY_TEXT + 1)
		return NULL;
	struct span key = {
	    text.p + text.len - IDENTITY_KEY_TEXT - 1, IDENTITY_KEY_TEXT};
	if (!identity_parse_key(key, secret))
		return NULL;
	struct identity *id = of_secret(kind, secret);
	size_t len = write_text(id, again);
	bool same = len == text.len && sodium_memcmp(again, text.p, len) == 0;
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(again, sizeof(again));
	if (same)
		return id;
	identity_free(id);
	return NULL;
}

/* --- key files: reading --------------------------------------------------- */

/* Is it a file that only its owner, who is us, root or whom root is going to
 * become, can touch? */
static bool
is_private(int fd, const char *path, const struct identity_owner *who,
    char cause[static ERR_LEN])
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		snprintf(cause, ERR_LEN, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		snprintf(cause, ERR_LEN,
		    "%s is not a file; name another for the key", path);
	else if (st.st_uid != geteuid() && st.st_uid != 0 &&
		 !(who && st.st_uid == who->user))
		snprintf(cause, ERR_LEN,
		    "%s: the key belongs to user %lu; chown it to user %lu, or "
		    "name another",
		    path, (unsigned long)st.st_uid, (unsigned long)geteuid());
	else if (st.st_mode & 077)
		snprintf(cause, ERR_LEN,
		    "%s: others may touch the key (mode %04o); chmod 600 it, "
		    "and if others are about take a new key",
		    path, (unsigned)(st.st_mode & 07777));
	else
		return true;
	return false;
}

/* The bytes of a file, one more than there may be at most; -1 with errno. */
static ssize_t
read_all(int fd, char *p, size_t cap)
{
	size_t len = 0;

	while (len < cap) {
		ssize_t n = read(fd, p + len, cap - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static struct identity *
read_key(int fd, enum identity_kind kind, const char *path,
    const struct identity_owner *who, char cause[static ERR_LEN])
{
	char text[FILE_MAX];
	struct identity *id = NULL;

	if (!is_private(fd, path, who, cause))
		return NULL;
	ssize_t n = read_all(fd, text, sizeof(text));
	if (n < 0)
		snprintf(cause, ERR_LEN, "%s: %s", path, strerror(errno));
	else if (!(id = identity_parse(kind, (struct span){text, (size_t)n})))
		snprintf(cause, ERR_LEN,
		    "%s is no key file that begins \"%s\", or it is damaged; "
		    "put it back from a copy, or move it away and a new key is "
		    "made",
		    path, headers[kind]);
	sodium_memzero(text, sizeof(text));
	return id;
}

/* NULL with errno ENOENT: there is none. */
static struct identity *
load(enum identity_kind kind, const char *path,
    const struct identity_owner *who, char cause[static ERR_LEN])
{
	/* Not to hang on a FIFO, nor follow a link that somebody has put. */
	int fd = open(
	    path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 && errno == ELOOP)
		snprintf(cause, ERR_LEN,
		    "%s is a symbolic link; name the key file itself", path);
	else if (fd < 0) {
		int err = errno;
		snprintf(cause, ERR_LEN, "%s: %s", path, strerror(err));
		errno = err;
	}
	if (fd < 0)
		return NULL;
	struct identity *id = read_key(fd, kind, path, who, cause);
	close(fd);
	errno = 0;
	return id;
}

struct identity *
identity_load(
    enum identity_kind kind, const char *path, char cause[static ERR_LEN])
{
	return load(kind, path, NULL, cause);
}

struct identity *
identity_load_for(enum identity_kind kind, const char *path,
    const struct identity_owner *who, char cause[static ERR_LEN])
{
	return load(kind, path, who, cause);
}

/* --- key files: making ---------------------------------------------------- */

/* The folder that a path is in; free() it. */
static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/")
			     : xstrndup(path, (size_t)(slash - path));
}

static bool
write_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* A new file beside the one that shall be, whole and on disk. */
static bool
write_beside(
    const struct identity *id, char *beside, const struct identity_owner *who)
{
	char text[FILE_MAX];
	int fd = mkostemp(beside, O_CLOEXEC); /* 0600, less the umask */

	if (fd < 0)
		return false;
	size_t len = write_text(id, text);
	bool good = fchmod(fd, 0600) == 0 && write_all(fd, text, len) &&
		    (!who || fchown(fd, who->user, who->group) == 0) &&
		    fsync(fd) == 0;
	sodium_memzero(text, sizeof(text));
	int err = errno;
	if (close(fd) < 0 && good) {
		good = false;
		err = errno;
	}
	if (!good)
		unlink(beside);
	errno = err;
	return good;
}

/* Gives the file its name, unless somebody else was quicker (EEXIST). */
static bool
take_name(const char *beside, const char *path)
{
	if (renameat2(AT_FDCWD, beside, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return true;
	/* Some network file systems cannot; there is nobody to race with but
	 * another first start. */
	return errno == EINVAL && access(path, F_OK) < 0 &&
	       rename(beside, path) == 0;
}

/* The new name is on disk, too. */
static bool
sync_folder(const char *path)
{
	char *folder = folder_of(path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;
	int err = errno;

	if (fd >= 0)
		close(fd);
	free(folder);
	errno = err;
	return good;
}

/* Writes the key file; false with errno. */
static bool
save(const struct identity *id, const char *path,
    const struct identity_owner *who)
{
	char *beside = xasprintf("%s.XXXXXX", path);
	bool good = write_beside(id, beside, who);

	if (good && !take_name(beside, path)) {
		int err = errno;
		unlink(beside);
		errno = err;
		good = false;
	}
	free(beside);
	return good && sync_folder(path);
}

static struct identity *
make(enum identity_kind kind, const char *path,
    const struct identity_owner *who, char cause[static ERR_LEN])
{
	struct identity *id = identity_new(kind);

	if (save(id, path, who))
		return id;
	int err = errno;
	char *folder = folder_of(path);
	snprintf(cause, ERR_LEN,
	    "%s: a new key cannot be written: %s; make the folder %s, make it "
	    "writable, or name another file",
	    path, strerror(err), folder);
	free(folder);
	identity_free(id);
	errno = err;
	return NULL;
}

struct identity *
identity_load_or_make(enum identity_kind kind, const char *path, bool *made,
    char cause[static ERR_LEN])
{
	return identity_load_or_make_for(kind, path, NULL, made, cause);
}

struct identity *
identity_load_or_make_for(enum identity_kind kind, const char *path,
    const struct identity_owner *who, bool *made, char cause[static ERR_LEN])
{
	struct identity *id = load(kind, path, who, cause);
	bool missing = !id && errno == ENOENT;

	if (missing) {
		id = make(kind, path, who, cause);
		missing = id != NULL;
		/* Another process was quicker: its key is ours. */
		if (!id && errno == EEXIST)
			id = load(kind, path, who, cause);
	}
	if (made)
		*made = missing;
	return id;
}
