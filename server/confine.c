/* SPDX-License-Identifier: ISC */
/*
 * What this server gives up when it starts, step by step: root, then files and
 * ports, then system calls.
 *
 * How each is given up is privilege's and sandbox's; here is what of it this
 * server still needs, and what the operator said of going on without.
 */
#include "server/confine.h"

#include "base/addr.h"
#include "base/log.h"
#include "server/config.h"
#include "server/privilege.h"
#include "server/redis_url.h"
#include "server/sandbox.h"

/* What the server opens from here on, and nothing else: whatever comes to open
 * another file or port while it runs has to be named here. */
static void
plan_sandbox(const struct config *c, struct sandbox_plan *p)
{
	char cause[ERR_LEN];
	struct redis_url url;
	struct addr a;

	/* evdns reads them again, each time a name is looked up. */
	sandbox_may_read(p, "/etc/resolv.conf");
	sandbox_may_read(p, "/etc/hosts");
	for (size_t i = 0; i < c->listen.n; i++)
		if (addr_parse(span_of(c->listen.items[i]), SNUG_PORT, &a,
			cause) == 0 &&
		    a.is_unix)
			sandbox_may_remove_beside(p, a.host);
	/* At SIGHUP. */
	if (!c->no_config)
		sandbox_may_read_beside(p, c->config);
	if (c->motd)
		sandbox_may_read_beside(p, c->motd);
	if (c->state)
		sandbox_may_write_beside(p, c->state);
	if (c->audit_log)
		sandbox_may_append_beside(p, c->audit_log);
	if (!c->redis || redis_url_parse(&url, span_of(c->redis), cause) != 0)
		return;
	if (!url.is_unix)
		sandbox_may_connect(p, url.port);
	redis_url_wipe(&url);
}

/* Says what is in force.  What is not there is enough reason not to start only
 * where the operator said `must`; what is there and fails, always. */
static int
judge_sandbox(const struct config *c, int err, char cause[static ERR_LEN])
{
	if (err >= 0)
		return 0;
	if (err == -SANDBOX_EFAILED || c->sandbox == SANDBOX_MUST)
		return -1;
	log_warn("main", 0,
	    "%s; the server goes on without; sandbox = must refuses that",
	    cause);
	return 0;
}

static bool
has_sandbox(const struct config *c)
{
	return c->sandbox != SANDBOX_NO && sandbox_is_possible();
}

int
confine_files(const struct config *c, char cause[static ERR_LEN])
{
	struct sandbox_plan plan = {0};
	int abi;

	if (!has_sandbox(c))
		return 0;
	plan_sandbox(c, &plan);
	abi = sandbox_fence(&plan, cause);
	sandbox_plan_fini(&plan);
	if (abi > 0)
		log_info("main", 0, "sandbox landlock=%d", abi);
	return judge_sandbox(c, abi, cause);
}

int
confine_calls(
    const struct config *c, enum sandbox_who who, char cause[static ERR_LEN])
{
	int err;

	if (!has_sandbox(c)) {
		log_info("main", 0, "sandbox off: %s",
		    c->sandbox == SANDBOX_NO
			? "sandbox = no"
			: "this build counts or checks its own memory");
		return 0;
	}
	err = sandbox_filter(who, cause);
	if (err == 0)
		log_info("main", 0, "sandbox seccomp=yes");
	return judge_sandbox(c, err, cause);
}

int
confine_root(const struct config *c, char cause[static ERR_LEN])
{
	int err = privilege_drop(c->user, cause);

	if (err > 0)
		log_warn("main", 0, "%s", cause);
	return err < 0 ? -1 : 0;
}
