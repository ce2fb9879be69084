/* SPDX-License-Identifier: ISC */
/*
 * The gate: who is let in.
 *
 * The listener hands it every connection.  What can be refused without a
 * session is refused here with a BYE, cheapest test first: the server is full,
 * an operator has closed the address out, the address has failed too often or
 * has too many connections, too many strangers wait.  Sessions tell it
 * what they turned out to be.
 *
 * A connection from a trusted proxy begins with a PROXY header.  Until that is
 * whole it is an arrival: a socket, a few bytes and a deadline.  Exactly the
 * header's bytes are read, so the session behind it finds its own at the front.
 */
#include "server/gate.h"

#include <errno.h>
#include <event2/event.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "proto/proxy.h"
#include "server/config.h"
#include "server/deny.h"
#include "server/render.h"
#include "server/server.h"
#include "server/shared.h"
#include "server/stranger.h"

enum {
	RETRY_MS = 10000,     /* to come back after a refusal */
	RETRY_SOON_MS = 1000, /* after an early drop: it is a matter of luck */
	REPORT_EVERY_MS = 60000,
};

struct arrival {
	LIST_ENTRY(arrival) next;
	struct gate *gate;
	struct event *ready;
	int fd;
	bool local;
	uint64_t deadline_ms;
	size_t n;
	uint8_t head[PROXY_MAX];
};

struct gate {
	struct server *sv;
	struct addr_counts *addrs;
	struct penalties *penalties;
	struct strangers *strangers;
	struct denies denies;
	LIST_HEAD(, arrival) arrivals;
	size_t narrivals;
	uint64_t counts[GATE_COUNT];
	uint64_t reported[GATE_COUNT];
	uint64_t report_ms;
};

#define WORD(id, word) word,
static const char *const count_words[] = {GATE_COUNTS(WORD)};
#undef WORD

const char *
gate_count_word(enum gate_count c)
{
	return count_words[c];
}

/* --- turning away --------------------------------------------------------- */

struct refusal {
	enum gate_count count; /* GATE_ADMITTED: it is none */
	enum proto_bye bye;
	uint64_t retry_ms; /* 0: not by itself */
	const char *why;
};

static void
refuse(struct gate *g, int fd, const struct refusal *r)
{
	struct buf line = {0};
	ssize_t sent;

	g->counts[r->count]++;
	render_bye(&line, r->bye, r->why, r->retry_ms);
	sent = send(
	    fd, buf_head(&line), buf_len(&line), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)sent; /* it is a courtesy */
	buf_free(&line);
	close(fd);
}

static bool
is_full(const struct gate *g)
{
	return g->sv->nsessions + g->narrivals >= g->sv->max_sessions;
}

/* --- judging -------------------------------------------------------------- */

static struct refusal
judge_failures(struct gate *g, const struct addr_key *key)
{
	uint32_t random[2];
	uint64_t wait_ms = penalties_wait(g->penalties, key, clock_now_ms());

	if (wait_ms > 0)
		return (struct refusal){GATE_PENALISED, BYE_LIMIT, wait_ms,
		    "too many attempts from your address failed; come back "
		    "later"};
	randombytes_buf(random, sizeof random);
	if (!strangers_admit(g->strangers, key, random))
		return (struct refusal){GATE_EARLY, BYE_LIMIT, RETRY_SOON_MS,
		    "too many connections have not said anything yet"};
	return (struct refusal){0};
}

static const char *
words_of(const struct deny *d)
{
	return d->text[0] ? d->text : "your address is closed out";
}

/* Counts it, if it is let in. */
static struct refusal
judge(struct gate *g, const struct caller *who)
{
	struct refusal r = {0};
	const struct deny *d;
	struct addr_key key;

	if (!who->has_ip)
		return r;
	d = denies_find(&g->denies, &who->ip, clock_wall_ms());
	if (d)
		return (struct refusal){
		    GATE_DENIED, BYE_BANNED, 0, words_of(d)};
	key = addr_key_of(&who->ip);
	if (who->judged)
		r = judge_failures(g, &key);
	if (r.count == GATE_ADMITTED &&
	    !addr_counts_add(
		g->addrs, &key, (size_t)g->sv->config->conn_per_addr))
		return (struct refusal){GATE_CROWDED, BYE_LIMIT, RETRY_MS,
		    "too many connections from your address"};
	return r;
}

/* A session while no command of it was accepted. */
struct newcomer {
	struct stranger stranger;
	struct session *session;
};

static void
drop_stranger(struct stranger *st)
{
	struct newcomer *n = (struct newcomer *)st; /* its first member */
	struct session *s = n->session;

	s->server->gate->counts[GATE_EVICTED]++;
	session_evict(s, BYE_LIMIT, RETRY_SOON_MS,
	    "others wait, and nothing was said yet");
}

static void
tell_load(const struct gate *g)
{
	if (g->sv->shared && !g->sv->ending)
		shared_set_load(g->sv->shared, g->sv->nsessions);
}

static void
admit(struct gate *g, int fd, const struct caller *who)
{
	struct refusal r = judge(g, who);
	struct session *s;
	struct addr_key key;

	if (r.count != GATE_ADMITTED) {
		refuse(g, fd, &r);
		return;
	}
	g->counts[GATE_ADMITTED]++;
	s = session_start(g->sv, fd, who);
	tell_load(g);
	if (!who->judged)
		return;
	key = addr_key_of(&who->ip);
	s->newcomer = xcalloc(1, sizeof *s->newcomer);
	s->newcomer->session = s;
	stranger_add(g->strangers, &s->newcomer->stranger, &key, drop_stranger);
}

/* --- behind a proxy ---------------------------------------------------------
 */

static void
arrival_free(struct arrival *a)
{
	LIST_REMOVE(a, next);
	a->gate->narrivals--;
	event_free(a->ready);
	free(a);
}

static void
arrival_fail(struct arrival *a, const char *why)
{
	struct refusal r = {GATE_BAD_PROXY, BYE_BAD_FRAME, 0, why};
	struct gate *g = a->gate;
	int fd = a->fd;

	/* The proxy is the operator's own, and so is the mistake. */
	log_warn("gate", 0, "proxy: connection closed reason=\"%s\"", why);
	arrival_free(a);
	refuse(g, fd, &r);
}

static bool
is_judged(const struct gate *g, const struct ip *ip)
{
	return !cidr_list_contains(&g->sv->config->exempt_ranges, ip);
}

/* What the proxy says of itself is a health check: nobody to be judged. */
static void
arrival_done(struct arrival *a, const struct proxy_header *h)
{
	struct caller who = {.local = a->local};
	struct gate *g = a->gate;
	int fd = a->fd;

	if (h->has_source) {
		who = (struct caller){.ip = h->source,
		    .has_ip = true,
		    .local = a->local && ip_is_loopback(&h->source),
		    .judged = is_judged(g, &h->source)};
	}
	arrival_free(a);
	admit(g, fd, &who);
}

static void
on_arrival(evutil_socket_t fd, short what, void *arg)
{
	struct arrival *a = arg;
	struct proxy_header h;
	size_t want;
	ssize_t n;
	int err;

	(void)what;
	while ((err = proxy_parse(a->head, a->n, &want, &h)) == 0 && want > 0) {
		n = recv(fd, a->head + a->n, want, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			arrival_fail(a, "it ended before its PROXY header");
			return;
		}
		a->n += (size_t)n;
	}
	if (err != 0)
		arrival_fail(a, proxy_strerror(err));
	else
		arrival_done(a, &h);
}

static void
arrive(struct gate *g, int fd, bool local)
{
	struct arrival *a = xcalloc(1, sizeof *a);

	a->gate = g;
	a->fd = fd;
	a->local = local;
	a->deadline_ms = clock_now_ms() + (uint64_t)g->sv->config->greet;
	a->ready =
	    event_new(g->sv->base, fd, EV_READ | EV_PERSIST, on_arrival, a);
	if (!a->ready)
		abort();
	LIST_INSERT_HEAD(&g->arrivals, a, next);
	g->narrivals++;
	event_add(a->ready, NULL);
}

/* --- public -----------------------------------------------------------------
 */

static struct penalty_rule
penalty_rule_of(const struct config *c)
{
	return (struct penalty_rule){.from_ms = (uint64_t)c->penalty_from,
	    .most_ms = (uint64_t)c->penalty_most};
}

/* The rule is for all workers together; the kernel deals strangers out evenly,
 * so each has its part. */
static struct stranger_rule
stranger_rule_of(const struct config *c)
{
	size_t n = (size_t)c->workers;
	struct stranger_rule rule = {.rate = (unsigned)c->early_rate,
	    .start = ((size_t)c->early_start + n - 1) / n,
	    .full = (size_t)c->early_full / n};

	if (rule.start > 0 && rule.full <= rule.start)
		rule.full = rule.start + 1;
	return rule;
}

/* What addresses have and did counts with whichever worker it was. */
static void
share(struct gate *g, struct shared *sh)
{
	addr_counts_share(g->addrs, shared_connections(sh));
	strangers_share(g->strangers, shared_strangers(sh));
	penalties_share(g->penalties, shared_debts(sh));
	shared_set_load(sh, 0);
}

struct gate *
gate_new(struct server *sv)
{
	struct gate *g = xcalloc(1, sizeof *g);
	struct penalty_rule penalty = penalty_rule_of(sv->config);
	struct stranger_rule stranger = stranger_rule_of(sv->config);

	g->sv = sv;
	g->addrs = addr_counts_new();
	g->penalties = penalties_new(&penalty);
	g->strangers = strangers_new(&stranger);
	LIST_INIT(&g->arrivals);
	if (sv->shared)
		share(g, sv->shared);
	return g;
}

void
gate_follow(struct gate *g)
{
	struct penalty_rule penalty = penalty_rule_of(g->sv->config);
	struct stranger_rule stranger = stranger_rule_of(g->sv->config);

	penalties_set_rule(g->penalties, &penalty);
	strangers_set_rule(g->strangers, &stranger);
}

void
gate_free(struct gate *g)
{
	struct arrival *a;

	if (!g)
		return;
	while ((a = LIST_FIRST(&g->arrivals))) {
		close(a->fd);
		arrival_free(a);
	}
	addr_counts_free(g->addrs);
	penalties_free(g->penalties);
	strangers_free(g->strangers);
	denies_free(&g->denies);
	free(g);
}

void
gate_enter(struct gate *g, int fd, const struct sockaddr *sa)
{
	struct caller who = {0};

	who.has_ip = ip_of(sa, &who.ip);
	who.local = !who.has_ip || ip_is_loopback(&who.ip);
	if (is_full(g)) {
		refuse(g, fd,
		    &(struct refusal){GATE_FULL, BYE_LIMIT, RETRY_MS,
			"the server is full; try again later"});
		return;
	}
	if (who.has_ip &&
	    cidr_list_contains(&g->sv->config->proxy_ranges, &who.ip)) {
		arrive(g, fd, who.local);
		return;
	}
	who.judged = who.has_ip && is_judged(g, &who.ip);
	admit(g, fd, &who);
}

/* One line a minute at most, however many were turned away. */
static void
report(struct gate *g)
{
	uint64_t away = 0;

	for (int i = 0; i < GATE_COUNT; i++)
		if (i != GATE_ADMITTED && i != GATE_FAILURES)
			away += g->counts[i] - g->reported[i];
	if (away == 0)
		return;
	log_info("gate", 0,
	    "turned away full=%llu per-addr=%llu denied=%llu penalty=%llu "
	    "early=%llu evicted=%llu",
	    (unsigned long long)g->counts[GATE_FULL],
	    (unsigned long long)g->counts[GATE_CROWDED],
	    (unsigned long long)g->counts[GATE_DENIED],
	    (unsigned long long)g->counts[GATE_PENALISED],
	    (unsigned long long)g->counts[GATE_EARLY],
	    (unsigned long long)g->counts[GATE_EVICTED]);
	memcpy(g->reported, g->counts, sizeof g->reported);
}

void
gate_tick(struct gate *g, uint64_t now_ms)
{
	struct arrival *a, *next;

	for (a = LIST_FIRST(&g->arrivals); a; a = next) {
		next = LIST_NEXT(a, next);
		if (now_ms >= a->deadline_ms)
			arrival_fail(a, "no PROXY header came in time");
	}
	if (now_ms - g->report_ms < REPORT_EVERY_MS)
		return;
	g->report_ms = now_ms;
	report(g);
}

void
gate_blame(struct gate *g, const struct session *s, enum penalty_kind kind,
    uint64_t now_ms)
{
	char shown[IP_TEXT_MAX + 1];
	struct addr_key key;

	if (!s->from.judged)
		return;
	key = addr_key_of(&s->from.ip);
	g->counts[GATE_FAILURES]++;
	if (!penalties_add(g->penalties, &key, kind, now_ms))
		return;
	g->counts[GATE_SHUT_OUT]++;
	log_info("gate", s->id, "shut out addr=%s last=%s for_ms=%llu",
	    ip_format(&s->from.ip, shown), penalty_word(kind),
	    (unsigned long long)penalties_wait(g->penalties, &key, now_ms));
}

void
gate_known(struct gate *g, struct session *s)
{
	if (!s->newcomer)
		return;
	stranger_remove(g->strangers, &s->newcomer->stranger);
	free(s->newcomer);
	s->newcomer = NULL;
}

void
gate_left(struct gate *g, struct session *s)
{
	struct addr_key key;

	gate_known(g, s);
	if (session_addr(s, &key))
		addr_counts_drop(g->addrs, &key);
	tell_load(g);
}

const struct denies *
gate_denies(const struct gate *g)
{
	return &g->denies;
}

static void
sweep(struct gate *g, uint64_t wall_ms)
{
	struct session *s, *next;
	const struct deny *d;

	for (s = TAILQ_FIRST(&g->sv->sessions); s; s = next) {
		next = TAILQ_NEXT(s, next);
		if (!s->from.has_ip)
			continue;
		d = denies_find(&g->denies, &s->from.ip, wall_ms);
		if (d)
			session_end(s, BYE_BANNED, 0, "%s", words_of(d));
	}
}

void
gate_set_denies(struct gate *g, const struct denies *all, uint64_t wall_ms)
{
	denies_copy(&g->denies, all);
	sweep(g, wall_ms);
}

uint64_t
gate_counted(const struct gate *g, enum gate_count c)
{
	return g->counts[c];
}

size_t
gate_strangers(const struct gate *g)
{
	return strangers_count(g->strangers);
}

size_t
gate_shut_out(const struct gate *g, uint64_t now_ms)
{
	return penalties_count(g->penalties, now_ms);
}
