/* SPDX-License-Identifier: ISC */
/* server/sandbox.c: what a process inside can still do, tried in children. */
#include "tests/unit/unit.h"

#include <config.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "server/sandbox.h"

static char *folder, *file, *other, *secret;

static int
setup(void **state)
{
	(void)state;
	folder = xstrdup("/tmp/snug-sandbox-XXXXXX");
	other = xstrdup("/tmp/snug-sandbox-XXXXXX");
	if (!mkdtemp(folder) || !mkdtemp(other))
		return -1;
	file = xasprintf("%s/file", folder);
	secret = xasprintf("%s/secret", other);
	int fd = open(secret, O_WRONLY | O_CREAT, 0644);
	return fd < 0 ? -1 : close(fd);
}

static int
teardown(void **state)
{
	(void)state;
	unlink(file);
	unlink(secret);
	rmdir(folder);
	rmdir(other);
	free(folder);
	free(file);
	free(other);
	free(secret);
	return 0;
}

/* NONE: this kernel has no such thing. */
enum { INSIDE_NONE = 98, INSIDE_FAILED = 99 };

static void
enter(uint16_t port)
{
	struct sandbox_plan plan = {0};
	char cause[ERR_LEN];

	sandbox_may_write_beside(&plan, file);
	sandbox_may_read(&plan, "/etc/hosts");
	sandbox_may_read(&plan, "/there/is/no/such/path");
	if (port)
		sandbox_may_connect(&plan, port);
	int err = sandbox_fence(&plan, cause);
#ifdef HAVE_SECCOMP
	if (err > 0)
		err = sandbox_filter(SANDBOX_SERVER, cause);
#endif
	if (err < 0)
		fprintf(stderr, "%s\n", cause);
	if (err < 0)
		_exit(err == -SANDBOX_ENONE ? INSIDE_NONE : INSIDE_FAILED);
	sandbox_plan_fini(&plan);
}

/* The status of a child that does this inside the sandbox; 128 + N: killed by
 * signal N. */
static int
inside(int (*act)(void))
{
	int status;
	pid_t pid;

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* A killed child is expected, and no core wanted. */
		sandbox_hide_memory();
		enter(0);
		_exit(act());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	status =
	    WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	assert_int_not_equal(status, INSIDE_FAILED);
	if (status == INSIDE_NONE)
		skip();
	return status;
}

/* --- what goes on -------------------------------------------------------- */

/* As the state file is written: another one that takes its place. */
static int
write_and_rename(void)
{
	char *temp = xasprintf("%s.new", file);
	int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, "x", 1) != 1 || fsync(fd) != 0 ||
	    close(fd) != 0 || rename(temp, file) != 0)
		return errno;
	fd = open(file, O_RDWR | O_APPEND | O_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) != 0 || close(fd) != 0)
		return errno;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0 || close(fd) != 0)
		return errno;
	free(temp);
	return unlink(file) == 0 ? 0 : errno;
}

static void
files_of_its_folder_are_made_renamed_and_removed(void **state)
{
	(void)state;
	assert_int_equal(inside(write_and_rename), 0);
}

static void *
work(void *arg)
{
	void *p = malloc(1 << 20);

	memset(p, 1, 1 << 20);
	free(p);
	*(int *)arg = 0;
	return NULL;
}

static int
start_a_thread(void)
{
	int result = 1;
	pthread_t t;

	if (pthread_create(&t, NULL, work, &result) != 0)
		return 2;
	pthread_join(t, NULL);
	return result;
}

static void
threads_are_started(void **state)
{
	(void)state;
	assert_int_equal(inside(start_a_thread), 0);
}

static int
read_hosts(void)
{
	int fd = open("/etc/hosts", O_RDONLY);

	return fd < 0 ? errno : close(fd);
}

static void
what_it_may_read_is_read(void **state)
{
	(void)state;
	if (access("/etc/hosts", R_OK) != 0)
		skip();
	assert_int_equal(inside(read_hosts), 0);
}

static int
look_up_over_udp(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(53)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&in, sizeof in) != 0)
		return errno;
	return close(fd);
}

static void
names_are_asked_for(void **state)
{
	(void)state;
	assert_int_equal(inside(look_up_over_udp), 0);
}

/* --- what does not -------------------------------------------------------- */

static int
open_passwd(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
}

static int
open_elsewhere(void)
{
	return open(secret, O_RDONLY) < 0 ? errno : 0;
}

static int
write_elsewhere(void)
{
	return open(secret, O_WRONLY) < 0 ? errno : 0;
}

static int
make_elsewhere(void)
{
	char *path = xasprintf("%s/new", other);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	return fd < 0 ? errno : 0;
}

static int
move_away(void)
{
	char *to = xasprintf("%s/moved", other);
	int fd = open(file, O_WRONLY | O_CREAT, 0600);

	if (fd < 0)
		return 0;
	if (rename(file, to) == 0)
		return 0;
	return errno == EXDEV ? EACCES : errno;
}

static int
remove_elsewhere(void)
{
	return unlink(secret) != 0 ? errno : 0;
}

static void
files_elsewhere_are_out_of_reach(void **state)
{
	static int (*const acts[])(void) = {open_passwd, open_elsewhere,
	    write_elsewhere, make_elsewhere, move_away, remove_elsewhere};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(acts); i++)
		assert_int_equal(inside(acts[i]), EACCES);
}

#ifdef HAVE_SECCOMP

static int
run_a_program(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return 0;
}

static int
trace(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	return 0;
}

static int
become_root(void)
{
	(void)!setuid(0);
	return 0;
}

static int
change_root(void)
{
	(void)!chroot("/");
	return 0;
}

static void
what_only_an_exploit_does_ends_it(void **state)
{
	static int (*const acts[])(void) = {
	    run_a_program, trace, become_root, change_root};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(acts); i++)
		assert_int_equal(inside(acts[i]), 128 + SIGSYS);
}

static int
open_packet_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) < 0 ? errno : 0;
}

static int
open_netlink_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0) < 0 ? errno : 0;
}

static int
listen_anew(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		return 0;
	return bind(fd, (struct sockaddr *)&in, sizeof in) != 0 ? errno : 0;
}

static int
map_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int
make_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 0;
	return mprotect(p, 4096, PROT_READ | PROT_EXEC) != 0 ? errno : 0;
}

static int
fork_itself(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static int
signal_its_parent(void)
{
	return kill(getppid(), 0) != 0 ? errno : 0;
}

static int
type_into_its_terminal(void)
{
	return ioctl(0, 0x5412, "x") != 0 ? errno : 0; /* TIOCSTI */
}

static void
other_calls_are_not_there(void **state)
{
	static int (*const acts[])(void) = {open_packet_socket,
	    open_netlink_socket, listen_anew, map_code, make_code, fork_itself,
	    signal_its_parent, type_into_its_terminal};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(acts); i++)
		assert_int_equal(inside(acts[i]), ENOSYS);
}

#endif

/* --- ports ---------------------------------------------------------------- */

static int
listen_somewhere(uint16_t *port)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	*port = ntohs(in.sin_port);
	return fd;
}

static int
reach(uint16_t port)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (struct sockaddr *)&in, sizeof in) == 0 ? 0 : errno;
}

static void
it_connects_where_it_may_and_nowhere_else(void **state)
{
	uint16_t open_port, closed_port;
	int a, b, status;

	(void)state;
	a = listen_somewhere(&open_port);
	b = listen_somewhere(&closed_port);
	pid_t pid = fork();
	if (pid == 0) {
		struct sandbox_plan none = {0};
		char cause[ERR_LEN];

		/* Ports came with Landlock's fourth ABI. */
		if (sandbox_fence(&none, cause) < 4)
			_exit(77);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	bool has_ports = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	pid = fork();
	if (pid == 0) {
		enter(open_port);
		_exit(reach(open_port) == 0 && reach(closed_port) == EACCES
			  ? 0
			  : 1);
	}
	waitpid(pid, &status, 0);
	close(a);
	close(b);
	if (!has_ports)
		skip();
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* --- dumps ---------------------------------------------------------------- */

static int
look_at_dumps(void)
{
	struct rlimit rl;

	return getrlimit(RLIMIT_CORE, &rl) != 0 || rl.rlim_max != 0;
}

static void
there_is_no_core_and_no_debugger(void **state)
{
	int status;

	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		sandbox_hide_memory();
		_exit(look_at_dumps() != 0 ||
		      prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Their tools need what it takes away. */
static void
a_build_that_checks_or_counts_has_no_sandbox(void **state)
{
	struct rlimit before, after;

	(void)state;
	getrlimit(RLIMIT_CORE, &before);
	sandbox_hide_memory();
	getrlimit(RLIMIT_CORE, &after);
	assert_memory_equal(&before, &after, sizeof before);
}

static int
run_without(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_build_that_checks_or_counts_has_no_sandbox),
	};

	return RUN(tests);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(files_of_its_folder_are_made_renamed_and_removed),
	    TEST(threads_are_started),
	    TEST(what_it_may_read_is_read),
	    TEST(names_are_asked_for),
	    TEST(files_elsewhere_are_out_of_reach),
#ifdef HAVE_SECCOMP
	    TEST(what_only_an_exploit_does_ends_it),
	    TEST(other_calls_are_not_there),
#endif
	    TEST(it_connects_where_it_may_and_nowhere_else),
	    TEST(there_is_no_core_and_no_debugger),
	};

	if (!sandbox_is_possible())
		return run_without();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
