/* SPDX-License-Identifier: ISC */
/*
 * Files of the user's: what outbox and trust need of the system, said once.
 *
 * It knows paths and descriptors, and nothing of what the files hold.
 */
#include "client/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

int
file_fail(char cause[static ERR_LEN], const char *path, const char *why)
{
	snprintf(cause, ERR_LEN, "%.150s: %s", path, why);
	return -1;
}

/* As `mkdir -p`; what fails is said by who opens it. */
static void
make_folders(const char *path)
{
	char *part = xstrdup(path);
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(part, 0700);
		*p = '/';
	}
	mkdir(part, 0700);
	free(part);
}

int
file_open_folder(const char *path, char cause[static ERR_LEN])
{
	struct stat st;
	make_folders(path);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return file_fail(cause, path, strerror(errno));
	const char *why = fstat(fd, &st) < 0 ? strerror(errno)
			  : st.st_uid != geteuid()
			      ? "the folder belongs to somebody else"
			  : (st.st_mode & 077) != 0
			      ? "others may enter the folder; chmod 700 it"
			      : NULL;
	if (!why)
		return fd;
	close(fd);
	return file_fail(cause, path, why);
}

const char *
file_judge(int fd, long max)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is no plain file; remove it";
	if (st.st_uid != geteuid())
		return "the file belongs to somebody else";
	if ((st.st_mode & 077) != 0)
		return "others may open the file; chmod 600 it";
	if (st.st_size > max)
		return "the file is too large; move it away";
	return NULL;
}

int
file_read_all(int fd, struct buf *in)
{
	for (;;) {
		ssize_t n = read(fd, buf_reserve(in, 65536), 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		buf_added(in, (size_t)n);
	}
}

bool
file_write_all(int fd, const struct buf *b)
{
	const char *p = buf_head(b);
	size_t left = buf_len(b);
	while (left > 0) {
		ssize_t n = write(fd, p, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		left -= (size_t)n;
	}
	return true;
}
