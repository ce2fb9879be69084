/* SPDX-License-Identifier: ISC */
/*
 * Fewer rights than the system gives: Landlock for files and ports, seccomp for
 * system calls.
 *
 * Landlock's numbers are spelled out here, because the headers of a build
 * machine are often older than the kernel that the server runs on: what a
 * kernel does not know is left out by its ABI.  The calls are a table.  What is
 * not in it gets ENOSYS, which the C library takes as a reason to do without;
 * what nothing but an exploit would call ends the process.
 */
#include "server/sandbox.h"

#include <config.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef HAVE_SECCOMP
#include <seccomp.h>
#endif

#include "base/mem.h"

bool
sandbox_is_possible(void)
{
#if defined(SNUG_SANITIZERS) || defined(SNUG_COVERAGE)
	return false;
#else
	return true;
#endif
}

void
sandbox_hide_memory(void)
{
	struct rlimit none = {0, 0};

	if (!sandbox_is_possible())
		return;
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* --- Landlock ------------------------------------------------------------- */

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum { CREATE_VERSION = 1, RULE_PATH = 1, RULE_PORT = 2 };

/* Of linux/landlock.h; the names are its. */
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE_REG (UINT64_C(1) << 8)
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define NET_BIND_TCP (UINT64_C(1) << 0)
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define FOR_FILES (FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE)

struct ruleset {
	uint64_t fs, net, scoped;
};

struct rule_path {
	uint64_t rights;
	int32_t fd;
} __attribute__((packed));

struct rule_port {
	uint64_t rights, port;
};

/* The lowest ABI that has them, how many rights there are, where. */
static const struct {
	int abi;
	struct ruleset handled;
} abis[] = {
    {1, {(UINT64_C(1) << 13) - 1, 0, 0}},
    {2, {UINT64_C(1) << 13, 0, 0}}, /* moving across folders */
    {3, {FS_TRUNCATE, 0, 0}}, {4, {0, NET_BIND_TCP | NET_CONNECT_TCP, 0}},
    {5, {UINT64_C(1) << 15, 0, 0}}, /* ioctl of devices */
    {6, {0, 0, 3}},                 /* abstract sockets and signals of others */
};

/* Takes the path. */
static void
add_path(struct sandbox_plan *p, char *path, uint64_t rights)
{
	if (p->npaths < SANDBOX_PATHS_MAX)
		p->paths[p->npaths++] = (struct sandbox_path){path, rights};
	else
		free(path);
}

static char *
folder_of(const char *file)
{
	const char *slash = strrchr(file, '/');

	if (!slash)
		return xstrdup(".");
	return xstrndup(file, slash == file ? 1 : (size_t)(slash - file));
}

void
sandbox_plan_fini(struct sandbox_plan *p)
{
	for (size_t i = 0; i < p->npaths; i++)
		free(p->paths[i].path);
	*p = (struct sandbox_plan){0};
}

void
sandbox_may_read(struct sandbox_plan *p, const char *path)
{
	add_path(p, xstrdup(path), FS_READ_FILE | FS_READ_DIR);
}

void
sandbox_may_read_beside(struct sandbox_plan *p, const char *file)
{
	char *real = realpath(file, NULL);

	add_path(p, folder_of(file), FS_READ_FILE);
	if (real)
		add_path(p, folder_of(real), FS_READ_FILE);
	free(real);
}

void
sandbox_may_write_beside(struct sandbox_plan *p, const char *file)
{
	add_path(p, folder_of(file),
	    FOR_FILES | FS_READ_DIR | FS_REMOVE_FILE | FS_MAKE_REG);
}

void
sandbox_may_append_beside(struct sandbox_plan *p, const char *file)
{
	add_path(p, folder_of(file), FS_WRITE_FILE | FS_MAKE_REG);
}

void
sandbox_may_remove_beside(struct sandbox_plan *p, const char *file)
{
	add_path(p, folder_of(file), FS_REMOVE_FILE);
}

void
sandbox_may_connect(struct sandbox_plan *p, uint16_t tcp_port)
{
	if (p->nports < SANDBOX_PORTS_MAX)
		p->ports[p->nports++] = tcp_port;
}

static int
fail(char cause[static ERR_LEN], enum sandbox_err err, const char *what)
{
	snprintf(cause, ERR_LEN, "%s: %s", what, strerror(errno));
	return -(int)err;
}

static struct ruleset
handled_by(int abi)
{
	struct ruleset all = {0};

	for (size_t i = 0; i < ARRAY_LEN(abis) && abis[i].abi <= abi; i++) {
		all.fs |= abis[i].handled.fs;
		all.net |= abis[i].handled.net;
		all.scoped |= abis[i].handled.scoped;
	}
	return all;
}

/* The kernel takes a shorter struct from those who know less than it does; it
 * refuses a longer one only where the rest is not zero. */
static int
make_ruleset(const struct ruleset *handled)
{
	return (int)syscall(
	    SYS_landlock_create_ruleset, handled, sizeof *handled, 0);
}

static int
allow_path(int set, const struct ruleset *handled, const struct sandbox_path *p)
{
	struct rule_path rule = {.rights = p->rights & handled->fs};
	struct stat st;
	int fd = open(p->path, O_PATH | O_CLOEXEC), err;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	/* A file has no rights of folders. */
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.rights &= FOR_FILES;
	rule.fd = fd;
	err = (int)syscall(SYS_landlock_add_rule, set, RULE_PATH, &rule, 0);
	close(fd);
	return err;
}

static int
allow_port(int set, const struct ruleset *handled, uint16_t port)
{
	struct rule_port rule = {
	    .rights = NET_CONNECT_TCP & handled->net, .port = port};

	if (rule.rights == 0)
		return 0;
	return (int)syscall(SYS_landlock_add_rule, set, RULE_PORT, &rule, 0);
}

static int
allow_all(int set, const struct ruleset *handled, const struct sandbox_plan *p)
{
	for (size_t i = 0; i < p->npaths; i++)
		if (allow_path(set, handled, &p->paths[i]) != 0)
			return -1;
	for (size_t i = 0; i < p->nports; i++)
		if (allow_port(set, handled, p->ports[i]) != 0)
			return -1;
	return 0;
}

int
sandbox_fence(const struct sandbox_plan *p, char cause[static ERR_LEN])
{
	int abi =
	    (int)syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
	struct ruleset handled;
	int set, err;

	if (abi < 1)
		return fail(
		    cause, SANDBOX_ENONE, "this kernel has no Landlock");
	handled = handled_by(abi);
	set = make_ruleset(&handled);
	if (set < 0)
		return fail(cause, SANDBOX_EFAILED, "Landlock's rules");
	err = allow_all(set, &handled, p);
	if (err == 0)
		err = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (err == 0)
		err = (int)syscall(SYS_landlock_restrict_self, set, 0);
	if (err != 0)
		fail(cause, SANDBOX_EFAILED, "Landlock");
	close(set);
	return err == 0 ? abi : -SANDBOX_EFAILED;
}

/* --- seccomp -------------------------------------------------------------- */

#ifdef HAVE_SECCOMP

#define CALL(name) SCMP_SYS(name)

/* What the server, its libraries and its threads do. */
/* clang-format off */
static const int allowed[] = {
	/* sockets and pipes */
	CALL(read), CALL(readv), CALL(write), CALL(writev), CALL(close),
	CALL(accept), CALL(accept4), CALL(connect), CALL(getpeername),
	CALL(getsockname), CALL(getsockopt), CALL(setsockopt), CALL(recvfrom),
	CALL(recvmsg), CALL(recvmmsg), CALL(sendto), CALL(sendmsg),
	CALL(sendmmsg), CALL(shutdown), CALL(pipe2), CALL(eventfd2),
	CALL(fcntl),
	/* waiting */
	CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_wait),
	CALL(epoll_pwait), CALL(epoll_pwait2), CALL(poll), CALL(ppoll),
	CALL(select), CALL(pselect6), CALL(nanosleep), CALL(clock_nanosleep),
	CALL(restart_syscall),
	/* files: which ones is Landlock's affair */
	CALL(open), CALL(openat), CALL(access), CALL(faccessat),
	CALL(faccessat2), CALL(fstat), CALL(stat), CALL(lstat),
	CALL(newfstatat), CALL(statx), CALL(fstatfs), CALL(lseek),
	CALL(pread64), CALL(pwrite64), CALL(fsync), CALL(fdatasync),
	CALL(ftruncate), CALL(fallocate), CALL(flock), CALL(fchmod),
	CALL(umask), CALL(rename), CALL(renameat), CALL(renameat2),
	CALL(unlink), CALL(unlinkat), CALL(readlink), CALL(readlinkat),
	CALL(getcwd), CALL(dup),
	/* memory; but see below */
	CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise), CALL(mlock),
	CALL(mlock2), CALL(munlock),
	/* threads and signals */
	CALL(futex), CALL(set_robust_list), CALL(rseq), CALL(gettid),
	CALL(getpid), CALL(tgkill), CALL(sched_yield),
	CALL(sched_getaffinity), CALL(rt_sigaction), CALL(rt_sigprocmask),
	CALL(rt_sigreturn), CALL(sigaltstack), CALL(exit), CALL(exit_group),
	/* clocks, dice and limits */
	CALL(clock_gettime), CALL(clock_getres), CALL(gettimeofday),
	CALL(time), CALL(getrandom), CALL(getrusage), CALL(sysinfo),
	CALL(uname), CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid),
};
/* clang-format on */

/* Beside these: what the parent of workers does, and what a worker does before
 * it has a filter of its own. */
/* clang-format off */
static const int parents[] = {
	CALL(wait4), CALL(waitid), CALL(kill), CALL(getppid), CALL(listen),
	CALL(prctl), CALL(seccomp), CALL(timerfd_create), CALL(signalfd4),
	CALL(socketpair),
};
/* clang-format on */

/* Nothing of ours ever comes near these. */
/* clang-format off */
static const int deadly[] = {
	CALL(execve), CALL(execveat), CALL(fork), CALL(vfork), CALL(ptrace),
	CALL(process_vm_readv), CALL(process_vm_writev), CALL(kcmp),
	CALL(pidfd_getfd), CALL(mount), CALL(umount2), CALL(pivot_root),
	CALL(chroot), CALL(unshare), CALL(setns), CALL(bpf),
	CALL(perf_event_open), CALL(kexec_load), CALL(kexec_file_load),
	CALL(init_module), CALL(finit_module), CALL(delete_module),
	CALL(open_by_handle_at), CALL(userfaultfd), CALL(add_key),
	CALL(keyctl), CALL(request_key), CALL(setuid), CALL(setgid),
	CALL(setresuid), CALL(setresgid), CALL(setgroups), CALL(capset),
	CALL(reboot), CALL(swapon), CALL(iopl), CALL(ioperm),
};
/* clang-format on */

#define EQ(n, value)                         \
	{                                    \
		(n), SCMP_CMP_EQ, (value), 0 \
	}
#define NOT_IN(n, mask)                            \
	{                                          \
		(n), SCMP_CMP_MASKED_EQ, (mask), 0 \
	}
#define HAS(n, mask)                                    \
	{                                               \
		(n), SCMP_CMP_MASKED_EQ, (mask), (mask) \
	}

enum {
	CLONE_A_THREAD = 0x00010000,
	/* Time, mount, cgroup, UTS, IPC, user, PID, network. */
	CLONE_A_NAMESPACE = 0x7e020080,
};

/* Allowed with certain arguments alone. */
static const struct {
	int call;
	struct scmp_arg_cmp arg;
} narrow[] = {
    {CALL(socket), EQ(0, AF_UNIX)},
    {CALL(socket), EQ(0, AF_INET)},
    {CALL(socket), EQ(0, AF_INET6)},
    {CALL(mmap), NOT_IN(2, PROT_EXEC)},
    {CALL(mprotect), NOT_IN(2, PROT_EXEC)},
    {CALL(ioctl), EQ(1, 0x5401)}, /* TCGETS: is it a terminal? */
    {CALL(ioctl), EQ(1, 0x541b)}, /* FIONREAD */
    {CALL(ioctl), EQ(1, 0x5421)}, /* FIONBIO */
    {CALL(prlimit64), EQ(0, 0)},
};

static const struct {
	int call;
	struct scmp_arg_cmp arg;
} narrow_for[] = {
    /* A thread, never a process. */
    [SANDBOX_SERVER] = {CALL(clone), HAS(0, CLONE_A_THREAD)},
    [SANDBOX_PARENT] = {CALL(clone), NOT_IN(0, CLONE_A_NAMESPACE)},
};

/* A call that this architecture does not have is no error. */
static int
add_list(scmp_filter_ctx ctx, uint32_t action, const int *calls, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && err == 0; i++)
		if (calls[i] >= 0)
			err = seccomp_rule_add(ctx, action, calls[i], 0);
	return err;
}

static int
add_rules(scmp_filter_ctx ctx, enum sandbox_who who)
{
	int err = add_list(ctx, SCMP_ACT_ALLOW, allowed, ARRAY_LEN(allowed));

	if (err == 0 && who == SANDBOX_PARENT)
		err =
		    add_list(ctx, SCMP_ACT_ALLOW, parents, ARRAY_LEN(parents));
	if (err == 0)
		err = add_list(
		    ctx, SCMP_ACT_KILL_PROCESS, deadly, ARRAY_LEN(deadly));
	for (size_t i = 0; i < ARRAY_LEN(narrow) && err == 0; i++)
		if (narrow[i].call >= 0)
			err = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
			    narrow[i].call, 1, &narrow[i].arg);
	if (err == 0)
		err = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
		    narrow_for[who].call, 1, &narrow_for[who].arg);
	return err;
}

int
sandbox_filter(enum sandbox_who who, char cause[static ERR_LEN])
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int err;

	if (!ctx)
		return fail(cause, SANDBOX_EFAILED, "seccomp");
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0) {
		seccomp_release(ctx);
		return fail(cause, SANDBOX_ENONE, "this kernel has no seccomp");
	}
	err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (err == 0)
		err = add_rules(ctx, who);
	if (err == 0)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	errno = -err;
	/* An emulator may answer for a kernel, and know no filters. */
	if (err == -EOPNOTSUPP || err == -ENOSYS)
		return fail(cause, SANDBOX_ENONE, "seccomp");
	return err == 0 ? 0 : fail(cause, SANDBOX_EFAILED, "seccomp");
}

#else

int
sandbox_filter(enum sandbox_who who, char cause[static ERR_LEN])
{
	(void)who;
	snprintf(cause, ERR_LEN, "seccomp: built without libseccomp");
	return -SANDBOX_ENONE;
}

#endif
