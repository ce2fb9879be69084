/* SPDX-License-Identifier: ISC */
/*
 * main for a fuzz target in an ordinary build: gives it every file of its kept
 * corpus, or the files named on the command line.  A failed check aborts, and
 * the last line printed names the input.
 */
#include <dirent.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "tests/fuzz/fuzz.h"

static void
replay(const char *path)
{
	enum { INPUT_MAX = 1 << 20 };
	uint8_t *input = xmalloc(INPUT_MAX);
	FILE *f = fopen(path, "rb");

	if (!f) {
		perror(path);
		exit(1);
	}
	size_t len = fread(input, 1, INPUT_MAX, f);
	fclose(f);
	/* Where it ends is where the sanitizer shall look. */
	input = xrealloc(input, len);
	printf("# %s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(input, len);
	free(input);
}

static size_t
replay_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	size_t n = 0;

	if (!dir) {
		perror(folder);
		exit(1);
	}
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		char *path = xasprintf("%s/%s", folder, e->d_name);
		replay(path);
		free(path);
		n++;
	}
	closedir(dir);
	return n;
}

int
main(int argc, char **argv)
{
	const char *srcdir = getenv("SNUG_SRCDIR");
	const char *name = strrchr(argv[0], '/');

	if (argc > 1) {
		for (int i = 1; i < argc; i++)
			replay(argv[i]);
		return 0;
	}
	/* .../fuzz_frame has its corpus in tests/fuzz/corpus/frame. */
	name = name ? name + 1 : argv[0];
	name += strncmp(name, "fuzz_", 5) == 0 ? 5 : 0;
	char *folder =
	    xasprintf("%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".", name);
	printf("1..1\n");
	size_t n = replay_folder(folder);
	printf("%s 1 - %s holds for the %zu inputs of its corpus\n",
	    n > 0 ? "ok" : "not ok", name, n);
	free(folder);
	return n > 0 ? 0 : 1;
}
