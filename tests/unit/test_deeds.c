/* SPDX-License-Identifier: ISC */
/*
 * What those in charge of a room do, from their line to its answer: as far as
 * it is not rights.c that decides it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/audit.h"
#include "server/session.h"
#include "tests/unit/relay_held.h"
#include "tests/unit/rig.h"
#include "tests/unit/unit.h"

/* What the trail of rights holds; it ends with that. */
static const char *
end_trail(const char *path)
{
	static char said[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, said, sizeof said - 1);

	assert_true(n >= 0);
	said[n] = '\0';
	close(fd);
	audit_close();
	unlink(path);
	return said;
}

/* Until the first one that waits is of this kind. */
static void
give_until(struct rig *r, const char *what)
{
	while (strcmp(relay_held_first(r->relay), what) != 0) {
		assert_true(relay_held_count(r->relay) > 0);
		relay_held_give(r->relay);
		rig_settle(r);
	}
}

/* Or an operator could do harm that is nobody's. */
static void
what_was_done_is_written_down_though_its_doer_has_gone(void **state)
{
	struct rig *r = rig_new("");
	struct client *ann = rig_account(r, "ann"), *bob = rig_person(r, "bob");
	char path[] = "/tmp/snug-deeds-XXXXXX", cause[ERR_LEN];

	(void)state;
	close(mkstemp(path));
	assert_int_equal(audit_open(path, "den", cause), 0);
	rig_send(ann, "JOIN r\n");
	rig_send(bob, "JOIN r\n");
	rig_lines(bob);
	relay_held_hold(r->relay, true);
	relay_held_hold_changes(r->relay, true);
	rig_send(ann, "BAN r bob\n");
	rig_settle(r);
	give_until(r, "change");
	session_lost(ann->session, "cut");
	ann->session = NULL;
	rig_settle(r);
	give_until(r, "part");
	relay_held_hold(r->relay, false);
	relay_held_give(r->relay);
	rig_lines(bob);
	const char *said = end_trail(path);
	if (!strstr(said, "actor=ann id=a") ||
	    !strstr(said, "verb=ban room=r target=bob"))
		fail_msg("%s", said);
	rig_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_was_done_is_written_down_though_its_doer_has_gone),
	};

	return RUN(tests);
}
