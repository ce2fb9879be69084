/* SPDX-License-Identifier: ISC */
/*
 * The scripts that Redis runs for the relay.
 *
 * A script is one step for all nodes, but it is not undone when it fails in the
 * middle: so each does the harmless first and publishes last.  All keys of one
 * script share a hash tag; channels are arguments.  What a script finds in a
 * key may have been put there by anybody: it is compared and copied, never run.
 *
 * Common to several: times are in milliseconds, ids are MS-SEQ, N is a node's
 * id, {r:R} a room's tag, {d:LO:HI} a pair's.
 */
#include "server/redis_script.h"

#include "base/mem.h"

/* For what must go on in a Redis that is full: it is small, and without it
 * nodes would hold each other dead. */
#define WHEN_FULL "#!lua flags=allow-oom\n"

#define NOW                              \
	"local t = redis.call('TIME')\n" \
	"local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"

/*
 * What all appends begin with.
 *   KEYS 1 stream, 2 last id
 *   ARGV 1 deadline by Redis' clock, 2 floor: the highest id the node has seen,
 *        3 entries kept, 4 life in ms, 5 life of a dedupe record
 * Answers 'late' after the deadline, so that what was given up is never carried
 * out.  A failover or a flush may have taken the last id back; with the floor
 * the ids still rise for everybody who saw the lost ones, and prev tells the
 * break.  A floor that the clock has passed needs no look: so has every new id.
 * The last id outlives the stream by a day for the same reason.
 *
 * Each redis.call() costs about as much as all else that is said here in Lua,
 * and this is what Redis does for every message.  So a life is not given anew
 * by each entry, but by the first in ten seconds (or in the 64th part of a
 * short life), and is longer by as much.
 */
#define APPEND_BEGIN                                 \
	"local call, anew = redis.call, false\n" NOW \
	"if now >= tonumber(ARGV[1]) then return 'late' end\n"

/* Leaves prev, the last id, and id, the new one as XADD is asked for it. */
#define APPEND_ID                                                        \
	"local prev = call('GET', KEYS[2]) or '0-0'\n"                   \
	"local fm = (string.match(ARGV[2], '^%d+') or 0) + 0\n"          \
	"local pm = (string.match(prev, '^%d+') or 0) + 0\n"             \
	"local id = '*'\n"                                               \
	"if fm >= now then\n"                                            \
	"  local fs = tonumber(string.match(ARGV[2], '-(%d+)$') or 0)\n" \
	"  local ps = tonumber(string.match(prev, '-(%d+)$') or 0)\n"    \
	"  if fm > pm or (fm == pm and fs > ps) then\n"                  \
	"    id = string.format('%.0f-*', fm + 1)\n"                     \
	"  end\n"                                                        \
	"end\n"

/* What call() is given; the entry's text is in payload. */
#define XADD                                                             \
	"('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], id, 'p', prev, 'd', " \
	"payload)"

/* Keeps the newest id, which is in made. */
#define APPEND_LAST                                                   \
	"local step = math.min(10000, ARGV[4] / 64)\n"                \
	"if anew or math.floor(pm / step) ~= math.floor(now / step) " \
	"then\n"                                                      \
	"  local life = string.format('%.0f', ARGV[4] + step)\n"      \
	"  call('PEXPIRE', KEYS[1], life)\n"                          \
	"  call('SET', KEYS[2], made, 'PX', life + 86400000)\n"       \
	"else\n"                                                      \
	"  call('SET', KEYS[2], made, 'KEEPTTL')\n"                   \
	"end\n"

/* Lua has a shape of its own. */
/* clang-format off */

/*
 * All that a node has for a room in one turn; each message is judged and
 * answered by itself.
 * KEYS 3 cfg, then of each message in turn its sender's wait, where it has to,
 *      and its dedupe record, where it has a cid
 * ARGV 6 the room's channel, 7 the version of the rights by which they were
 *      judged, 8 how long a sender then has to wait, 9 a digit of each message,
 *      the sum of 1 (it has a cid), 2 (its sender has to wait) and 4 (it is a
 *      topic), then their payloads, then of each topic its text and its
 *      setter's nick
 * Publishes "PREV ID PAYLOAD" of each, all at once, with an LF between them: to
 * publish costs by the call and by the node that hears it.  Returns 'late', or
 * of each: ID, 'dup ID' for a known cid, 'stale' where the rights are others by
 * now, 'slow MS' where the sender has still to wait, 'error TEXT' for what
 * Redis refused.
 */
static const char append_room[] =
    APPEND_BEGIN
    "local try, had = redis.pcall, call('HGET', KEYS[3], 'rv') or '0-0'\n"
    "local stale = had ~= ARGV[7]\n"
    APPEND_ID
    "local count, words, said = #ARGV[9], {}, {}\n"
    "local made, key, more = nil, 3, 9 + count\n"
    "for k = 1, count do\n"
    "  local how, payload = string.byte(ARGV[9], k) - 48, ARGV[9 + k]\n"
    "  local no, wait, known\n"
    "  if how % 4 >= 2 then\n"
    "    key = key + 1\n"
    "    wait = KEYS[key]\n"
    "  end\n"
    "  if how % 2 == 1 then\n"
    "    key = key + 1\n"
    "    known = KEYS[key]\n"
    "    local was = try('GET', known)\n"
    "    if was then\n"
    "      no = was.err and 'error ' .. was.err or 'dup ' .. was\n"
    "    end\n"
    "  end\n"
    "  if not no and stale then no = 'stale' end\n"
    "  if not no and wait then\n"
    "    local left = call('PTTL', wait)\n"
    "    if left > 0 and left <= tonumber(ARGV[8]) then\n"
    "      no = 'slow ' .. left\n"
    "    else\n"
    "      call('SET', wait, '1', 'PX', ARGV[8])\n"
    "    end\n"
    "  end\n"
    "  if not no then\n"
    "    local got = try" XADD "\n"
    "    if got.err then\n"
    "      no = 'error ' .. got.err\n"
    "    else\n"
    "      said[#said + 1] = prev .. ' ' .. got .. ' ' .. payload\n"
    "      prev, made, words[k] = got, got, got\n"
    "      if known then call('SET', known, got, 'PX', ARGV[5]) end\n"
    "      if how >= 4 and ARGV[more + 1] == '' then\n"
    "        call('HDEL', KEYS[3], 'topic', 'topicby')\n"
    "      elseif how >= 4 then\n"
    "        call('HSET', KEYS[3], 'topic', ARGV[more + 1],\n"
    "             'topicby', ARGV[more + 2])\n"
    "      end\n"
    "    end\n"
    "  end\n"
    "  if how >= 4 then more = more + 2 end\n"
    "  words[k] = no or words[k]\n"
    "end\n"
    "if made then\n"
    APPEND_LAST
    "  call('PUBLISH', ARGV[6], table.concat(said, '\\n'))\n"
    "end\n"
    "return words\n";

/*
 * KEYS 1 cfg, 2 n
 * ARGV 1 the rights that a founder has in a new room, or '', 2 how it is
 *      spelled, 3 life of a room with rights
 * Returns false where there is no such room, else {version, record}; nil where
 * nothing was ever set.  A founder's version is below the ids of all entries.
 */
static const char rights[] =
    "local cfg = redis.call('HMGET', KEYS[1], 'rv', 'rights', 'shown')\n"
    "if not cfg[1] and not cfg[3] and\n"
    "    redis.call('EXISTS', KEYS[2]) == 0 then\n"
    "  if ARGV[1] == '' then return false end\n" NOW
    "  cfg[1] = string.format('%.0f-0', now - 1)\n"
    "  cfg[2] = ARGV[1]\n"
    "  redis.call('HSET', KEYS[1], 'shown', ARGV[2], 'rv', cfg[1], 'rights',\n"
    "    cfg[2], 'life', ARGV[3])\n"
    "  redis.call('PEXPIRE', KEYS[1], ARGV[3])\n"
    "end\n"
    "return {cfg[1], cfg[2]}\n";

/*
 * Rights take the place of those they were made from, if these still stand.
 * KEYS 3 cfg, 4 n
 * ARGV 6 payload, 7 the room's channel, 8 the version they were made from,
 *      9 their record, 10 '1' where the room is private, 11 life of a room with
 *      rights
 * Publishes "PREV ID PAYLOAD"; the id is the new version.  Returns it, or
 * 'late', or 'stale'.
 */
static const char change_rights[] =
    WHEN_FULL
    APPEND_BEGIN
    "if (call('HGET', KEYS[3], 'rv') or '0-0') ~= ARGV[8] then\n"
    "  return 'stale'\n"
    "end\n"
    "anew = true\n" /* it may be another one now */
    "local payload = ARGV[6]\n"
    APPEND_ID
    "local made = call" XADD "\n"
    APPEND_LAST
    "call('HSET', KEYS[3], 'rv', made, 'rights', ARGV[9], 'life', ARGV[11])\n"
    "if ARGV[10] == '1' then\n"
    "  call('HSET', KEYS[3], 'hidden', '1')\n"
    "else\n"
    "  call('HDEL', KEYS[3], 'hidden')\n"
    "end\n"
    "if call('EXISTS', KEYS[4]) == 0 then\n"
    "  call('PEXPIRE', KEYS[3], ARGV[11])\n"
    "end\n"
    "call('PUBLISH', ARGV[7], prev .. ' ' .. made .. ' ' .. payload)\n"
    "return made\n";

/*
 * KEYS 3 and 4: both senders' indexes, pair -> last id (the same key twice for
 *      notes to self), 5 the dedupe record, where there is a cid
 * ARGV 6 payload, 7 LO:HI, 8 and 9 both senders' channels
 * Publishes "LO:HI PREV ID PAYLOAD".  Returns the id, or 'late', or 'dup ID'.
 */
static const char append_pair[] =
    APPEND_BEGIN
    "local was = KEYS[5] and call('GET', KEYS[5])\n"
    "if was then return 'dup ' .. was end\n"
    "local payload = ARGV[6]\n"
    APPEND_ID
    "local made = call" XADD "\n"
    APPEND_LAST
    "if KEYS[5] then call('SET', KEYS[5], made, 'PX', ARGV[5]) end\n"
    "local text = ARGV[7] .. ' ' .. prev .. ' ' .. made .. ' ' .. payload\n"
    "for i = 3, 4 do\n"
    "  call('HSET', KEYS[i], ARGV[7], made)\n"
    "  call('PEXPIRE', KEYS[i], ARGV[4] + 86400000)\n"
    "end\n"
    "call('PUBLISH', ARGV[8], text)\n"
    "if ARGV[9] ~= ARGV[8] then call('PUBLISH', ARGV[9], text) end\n"
    "return made\n";
/* clang-format on */

/*
 * KEYS 1 stream, 2 last id
 * ARGV 1 XRANGE or XREVRANGE, 2 start, 3 end, 4 count
 * Returns {last id, rows}, of one moment.
 */
static const char read_log[] =
    "return {redis.call('GET', KEYS[2]) or '0-0',\n"
    "  redis.call(ARGV[1], KEYS[1], ARGV[2], ARGV[3], 'COUNT', ARGV[4])}\n";

/* How long a room's settings live when it is empty: as they say themselves,
 * where it has rights. */
#define LIFE(cfg)                                                              \
	"string.match(redis.call('HGET', " cfg ", 'life') or '', '^%d+$') or " \
	"ARGV[2]"

/*
 * KEYS 1 last id, 2 cfg, 3 n (node -> members there), 4 the beginning of the
 *      members' keys, to which a node's id is added
 * ARGV 1 how the room is spelled, or '' to only look, 2 life of an empty room
 * Returns {last id, spelling, topic, topic's nick, {N, {sender, nick, ...},
 * ...}, version of the rights, their record}.
 */
static const char room[] = WHEN_FULL
    "if ARGV[1] ~= '' then\n"
    "  redis.call('HSETNX', KEYS[2], 'shown', ARGV[1])\n"
    "  if redis.call('EXISTS', KEYS[3]) == 0 then\n"
    "    redis.call('PEXPIRE', KEYS[2], " LIFE(
	"KEYS[2]") ")\n"
		   "  end\n"
		   "end\n"
		   "local cfg = redis.call('HMGET', KEYS[2], 'shown', 'topic', "
		   "'topicby', "
		   "'rv', 'rights')\n"
		   "local roster = {}\n"
		   "for _, node in ipairs(redis.call('HKEYS', KEYS[3])) do\n"
		   "  roster[#roster + 1] = node\n"
		   "  roster[#roster + 1] = redis.call('HGETALL', KEYS[4] .. "
		   "node)\n"
		   "end\n"
		   "return {redis.call('GET', KEYS[1]) or '0-0', cfg[1], "
		   "cfg[2], cfg[3], "
		   "roster, cfg[4], cfg[5]}\n";

/* The count of a node's members, and the life of an empty room's settings:
 * KEYS 1 n, 2 the node's members, 3 cfg; ARGV 1 N, 2 life. */
#define COUNT                                                           \
	"local count = redis.call('HLEN', KEYS[2])\n"                   \
	"if count > 0 then\n"                                           \
	"  redis.call('HSET', KEYS[1], ARGV[1], count)\n"               \
	"  redis.call('PERSIST', KEYS[3])\n"                            \
	"else\n"                                                        \
	"  redis.call('HDEL', KEYS[1], ARGV[1])\n"                      \
	"  if redis.call('EXISTS', KEYS[1]) == 0 then\n"                \
	"    redis.call('PEXPIRE', KEYS[3], " LIFE("KEYS[3]") ")\n"     \
							      "  end\n" \
							      "end\n"

/*
 * KEYS and ARGV as COUNT, then
 * ARGV 3 join, part or rename, 4 sender, 5 nick, 6 channel, 7 event
 * Publishes the event where something changed.  Returns the node's members in
 * the room, or -1 if nothing changed.
 */
static const char member[] =
    WHEN_FULL "local changed\n"
	      "local has = redis.call('HEXISTS', KEYS[2], ARGV[4]) == 1\n"
	      "if ARGV[3] == 'part' then\n"
	      "  changed = redis.call('HDEL', KEYS[2], ARGV[4]) == 1\n"
	      "elseif has == (ARGV[3] == 'rename') then\n"
	      "  redis.call('HSET', KEYS[2], ARGV[4], ARGV[5])\n"
	      "  changed = true\n"
	      "end\n" COUNT "if not changed then return -1 end\n"
	      "redis.call('PUBLISH', ARGV[6], ARGV[7])\n"
	      "return count\n";

/*
 * Makes a node's members of a room exactly these.
 * KEYS and ARGV as COUNT, then
 * ARGV 3 channel, 4 event, then sender and nick of each
 */
static const char register_members[] =
    WHEN_FULL "redis.call('DEL', KEYS[2])\n"
	      "for i = 5, #ARGV, 2 do\n"
	      "  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])\n"
	      "end\n" COUNT "redis.call('PUBLISH', ARGV[3], ARGV[4])\n"
	      "return count\n";

/*
 * KEYS 1 n, 2 cfg
 * Returns {{N, count, ...}, spelling, topic, '1' where it is private}.
 */
static const char room_count[] =
    "local cfg = redis.call('HMGET', KEYS[2], 'shown', 'topic', 'hidden')\n"
    "return {redis.call('HGETALL', KEYS[1]), cfg[1], cfg[2], cfg[3]}\n";

/*
 * The list of rooms: a room stands in it since somebody came last; who finds
 * it empty takes it out, unless somebody has come since it looked.
 * KEYS 1 rooms
 * ARGV 1 R, 2 the score that was seen, or '' to put it in
 */
static const char room_listed[] =
    "if ARGV[2] == '' then\n" NOW
    "  return redis.call('ZADD', KEYS[1], string.format('%.0f', now), "
    "ARGV[1])\n"
    "end\n"
    "if redis.call('ZSCORE', KEYS[1], ARGV[1]) == ARGV[2] then\n"
    "  return redis.call('ZREM', KEYS[1], ARGV[1])\n"
    "end\n"
    "return 0\n";

/*
 * KEYS 1 the skeleton of the nick
 * ARGV 1 sender, 2 what to put there, 3 what a dead node left there, or '',
 *      4 N, 5 the hash of the sender's token, or '-'
 * A claim is "G SENDER N SINCE FOLD SHOWN TOKEN"; with an L in place of the G
 * its sender is gone, and it is anybody's; what begins with an A is an
 * account's for good.  A sender that another node has
 * taken over is no longer ours.  Returns false where it is ours now, else who
 * has it.
 */
static const char claim[] =
    WHEN_FULL "local was = redis.call('GET', KEYS[1])\n"
	      "if was and string.sub(was, 1, 1) == 'A' then return was end\n"
	      "if was and was ~= ARGV[3] and string.sub(was, 1, 1) ~= 'L' "
	      "then\n"
	      "  local sender, node, token = string.match(was,\n"
	      "    '^%u (%S+) (%S+) %d+ %S+ %S+ (%S+)$')\n"
	      "  if sender ~= ARGV[1] or\n"
	      "      (node ~= ARGV[4] and token ~= ARGV[5]) then\n"
	      "    return was\n"
	      "  end\n"
	      "end\n"
	      "redis.call('SET', KEYS[1], ARGV[2])\n"
	      "return false\n";

/*
 * KEYS 1 the skeleton of the nick
 * ARGV 1 sender, 2 N, 3 the nick's fold: only what we hold is given back,
 *      4 how long its token is still good, in ms, 5 the hash of the token where
 *      the sender is not known, or '-'
 */
static const char release[] = WHEN_FULL
    "local was = redis.call('GET', KEYS[1])\n"
    "local sender, node, fold, token = string.match(was or '', "
    "'^G (%S+) (%S+) %d+ (%S+) %S+ (%S+)$')\n"
    "if not token or node ~= ARGV[2] or fold ~= ARGV[3] or\n"
    "    (sender ~= ARGV[1] and (token == '-' or token ~= ARGV[5])) then\n"
    "  return 0\n"
    "end\n"
    "if token == '-' or ARGV[4] == '0' then\n"
    "  return redis.call('DEL', KEYS[1])\n"
    "end\n"
    "redis.call('SET', KEYS[1], 'L' .. string.sub(was, 2), 'PX', ARGV[4])\n"
    "return 1\n";

/*
 * KEYS 1 the skeleton of the nick
 * ARGV 1 the hash of the token, 2 of the one that comes in its place, 3 N,
 *      4 the nick's fold, 5 how it is shown, 6 and 7 what stands before and
 *      behind a node's id in its channel
 * The old node hears "replaced SENDER TOKEN FOLD", if it can.  Asked again by
 * one that has it already, it is no other answer.  Returns false where nobody
 * holds the nick, what stands there where the token is not its own, and
 * {what stood there} where it is ours now.
 */
static const char resume[] = WHEN_FULL
    "local was = redis.call('GET', KEYS[1])\n"
    "local kind, sender, node, since, fold, token = string.match(was or '', "
    "'^([GL]) (%S+) (%S+) (%d+) (%S+) %S+ (%S+)$')\n"
    "if fold ~= ARGV[4] or (token ~= ARGV[1] and token ~= ARGV[2]) then\n"
    "  return was\n"
    "end\n"
    "redis.call('SET', KEYS[1], table.concat({'G', sender, ARGV[3], since, "
    "fold, ARGV[5], ARGV[2]}, ' '))\n"
    "if kind == 'G' and node ~= ARGV[3] then\n"
    "  redis.call('PUBLISH', ARGV[6] .. node .. ARGV[7], 'replaced ' .. "
    "sender .. ' ' .. token .. ' ' .. fold)\n"
    "end\n"
    "return {was}\n";

/*
 * KEYS 1 the skeleton of the nick
 * ARGV 1 sender, 2 the nick's fold
 * The claim stays what it is, but nobody takes it over any more; one that was
 * left waits for nobody then, and is gone.
 */
static const char revoke[] =
    WHEN_FULL "local was = redis.call('GET', KEYS[1])\n"
	      "local kind, claim, sender, fold = string.match(was or '', "
	      "'^([GL])( (%S+) %S+ %d+ (%S+) %S+ )%S+$')\n"
	      "if sender ~= ARGV[1] or fold ~= ARGV[2] then\n"
	      "  return 0\n"
	      "end\n"
	      "if kind == 'L' then\n"
	      "  return redis.call('DEL', KEYS[1])\n"
	      "end\n"
	      "redis.call('SET', KEYS[1], kind .. claim .. '-')\n"
	      "return 1\n";

/* Leaves live, the nodes whose lease runs, and hash, which tells lists apart.
 */
#define LIVE                                                        \
	"local live = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. " \
	"string.format('%.0f', now), '+inf')\n"                     \
	"table.sort(live)\n"                                        \
	"local hash = redis.sha1hex(table.concat(live, ' '))\n"

/*
 * KEYS 1 nodes; ARGV 1 the hash the node has
 * Returns {hash, live}; live is empty where the hash has not changed.
 */
static const char nodes[] = NOW LIVE "if hash == ARGV[1] then live = {} end\n"
				     "return {hash, live}\n";

/*
 * KEYS 1 nodes, 2 epoch, 3 layout
 * ARGV 1 the hash the node has, 2 N, 3 lease, 4 an epoch for an empty Redis,
 *      5 layout, 6 the node's channel, 7 beacon, 8 grace
 * A Redis that an older snugd kept is of the newer layout from here on.
 * The beacon goes the way of every message: a node that does not hear it is
 * deaf, however well Redis answers.
 * Returns {hash, live, now, epoch, dead, layout}: dead are some of those whose
 * lease ended longer ago than the grace.
 */
static const char heartbeat[] = WHEN_FULL NOW
    "redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[3]), "
    "ARGV[2])\n" LIVE "if hash == ARGV[1] then live = {} end\n"
    "redis.call('SET', KEYS[2], ARGV[4], 'NX')\n"
    "local layout = tonumber(redis.call('GET', KEYS[3]) or 0)\n"
    "if layout and layout < tonumber(ARGV[5]) then\n"
    "  redis.call('SET', KEYS[3], ARGV[5])\n"
    "end\n"
    "redis.call('PUBLISH', ARGV[6], ARGV[7])\n"
    "local dead = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf',\n"
    "  string.format('%.0f', now - ARGV[8]), 'LIMIT', 0, 16)\n"
    "return {hash, live, now, redis.call('GET', KEYS[2]), dead,\n"
    "  redis.call('GET', KEYS[3])}\n";

/*
 * A janitor's next batch of what a dead node left.
 * KEYS 1 lock, 2 the node's rooms, 3 its nicks
 * ARGV 1 the janitor's token, 2 life of the lock, 3 rooms, 4 nicks at once,
 *      5 how many of what follows are rooms; then rooms and nicks that are done
 * Returns {rooms, nicks}, both empty at the end, when the lock is given back;
 * or false where the lock is somebody else's.
 */
static const char reap[] =
    WHEN_FULL "if redis.call('GET', KEYS[1]) ~= ARGV[1] then\n"
	      "  return false\n"
	      "end\n"
	      "redis.call('PEXPIRE', KEYS[1], ARGV[2])\n"
	      "for i = 6, #ARGV do\n"
	      "  local rooms = i - 6 < tonumber(ARGV[5])\n"
	      "  redis.call('SREM', rooms and KEYS[2] or KEYS[3], ARGV[i])\n"
	      "end\n"
	      "local rooms = redis.call('SRANDMEMBER', KEYS[2], ARGV[3])\n"
	      "local nicks = redis.call('SRANDMEMBER', KEYS[3], ARGV[4])\n"
	      "if #rooms == 0 and #nicks == 0 then\n"
	      "  redis.call('DEL', KEYS[1])\n"
	      "end\n"
	      "return {rooms, nicks}\n";

/* A dead node's members of a room.  KEYS and ARGV as COUNT.  Nobody is told:
 * every node finds its death by itself, and keeps them for a grace. */
static const char reap_room[] =
    WHEN_FULL "redis.call('UNLINK', KEYS[2])\n" COUNT "return count\n";

/*
 * KEYS 1 the skeleton of a nick
 * ARGV 1 N: only what N still holds goes; 2 how long its token is still good,
 *      in ms
 */
static const char reap_nick[] =
    WHEN_FULL "local was = redis.call('GET', KEYS[1])\n"
	      "local node, token = string.match(was or '',\n"
	      "  '^G %S+ (%S+) %d+ %S+ %S+ (%S+)$')\n"
	      "if node ~= ARGV[1] then return 0 end\n"
	      "if token == '-' or ARGV[2] == '0' then\n"
	      "  return redis.call('DEL', KEYS[1])\n"
	      "end\n"
	      "redis.call('SET', KEYS[1], 'L' .. string.sub(was, 2), 'PX', "
	      "ARGV[2])\n"
	      "return 1\n";

/* Nothing is left of it.  KEYS 1 nodes; ARGV 1 N */
static const char reaped[] =
    WHEN_FULL NOW "local till = redis.call('ZSCORE', KEYS[1], ARGV[1])\n"
		  "if till and tonumber(till) <= now then\n"
		  "  return redis.call('ZREM', KEYS[1], ARGV[1])\n"
		  "end\n"
		  "return 0\n";

/* ARGV 1 the operators' channel, 2 what they say */
static const char order[] =
    WHEN_FULL "redis.call('PUBLISH', ARGV[1], ARGV[2])\n"
	      "return 1\n";

/*
 * KEYS 1 closed out ranges -> `UNTIL TEXT`
 * ARGV 1 range, 2 what is said of it, or '' to take it out, 3 how many there
 *      may be, 4 the operators' channel
 * What has ended goes.  Returns 1, 0 if there is no such range, -1 if there are
 * too many.
 */
static const char deny[] = WHEN_FULL NOW
    "local all = redis.call('HGETALL', KEYS[1])\n"
    "for i = 1, #all, 2 do\n"
    "  local till = tonumber(string.match(all[i + 1], '^%d+')) or 1\n"
    "  if till > 0 and till <= now then\n"
    "    redis.call('HDEL', KEYS[1], all[i])\n"
    "  end\n"
    "end\n"
    "local n = 1\n"
    "if ARGV[2] == '' then\n"
    "  n = redis.call('HDEL', KEYS[1], ARGV[1])\n"
    "elseif redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 and\n"
    "  redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then\n"
    "  n = -1\n"
    "else\n"
    "  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])\n"
    "end\n"
    "if n > 0 then redis.call('PUBLISH', ARGV[4], 'denies') end\n"
    "return n\n";
/*
 * A key on its way to an account.
 * KEYS 1 the key
 * ARGV 1 the account, 2 what stands there and is nobody's, or ''
 * Returns false where it is the account's now, else {what stands there, now}.
 */
static const char key_take[] =
    NOW "local was = redis.call('GET', KEYS[1])\n"
	"if was and was ~= ARGV[2] and\n"
	"    string.match(was, '^(%S+) ') ~= ARGV[1] then\n"
	"  return {was, string.format('%.0f', now)}\n"
	"end\n"
	"redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. "
	"string.format('%.0f', now))\n"
	"return false\n";

/* KEYS 1 the key; ARGV 1 the account whose it is no more */
static const char key_drop[] =
    WHEN_FULL "local was = redis.call('GET', KEYS[1])\n"
	      "if was and string.match(was, '^(%S+) ') == ARGV[1] then\n"
	      "  return redis.call('DEL', KEYS[1])\n"
	      "end\n"
	      "return 0\n";

/*
 * The step that makes an account: its nick, held by the guest until now.
 * KEYS 1 the skeleton of the nick
 * ARGV 1 deadline by Redis' clock, 2 the guest, 3 N, 4 fold, 5 what to put
 *      there
 * Returns false where it is the account's now, else what stands there, or ''.
 */
static const char nick_own[] =
    NOW "if now >= tonumber(ARGV[1]) then return 'late' end\n"
	"local was = redis.call('GET', KEYS[1]) or ''\n"
	"local sender, node, fold = string.match(was, "
	"'^G (%S+) (%S+) %d+ (%S+) ')\n"
	"if sender ~= ARGV[2] or node ~= ARGV[3] or fold ~= ARGV[4] then\n"
	"  return was\n"
	"end\n"
	"redis.call('SET', KEYS[1], ARGV[5])\n"
	"return false\n";

/*
 * A change of what proves an account.
 * KEYS 1 account
 * ARGV 1 deadline by Redis' clock, 2 hash, add or del, 3 the hash, '' for none,
 *      or the key, 4 keys there may be
 * Returns a word: ok, late, none, last, limit.
 */
static const char account[] =
    NOW "if now >= tonumber(ARGV[1]) then return 'late' end\n"
	"if redis.call('EXISTS', KEYS[1]) == 0 then return 'none' end\n"
	"local has, keys = false, 0\n"
	"for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do\n"
	"  if string.sub(field, 1, 2) == 'k:' then keys = keys + 1 end\n"
	"  if field == 'k:' .. ARGV[3] then has = true end\n"
	"end\n"
	"if ARGV[2] == 'hash' then\n"
	"  if ARGV[3] ~= '' then\n"
	"    redis.call('HSET', KEYS[1], 'hash', ARGV[3])\n"
	"  elseif keys == 0 then\n"
	"    return 'last'\n"
	"  else\n"
	"    redis.call('HDEL', KEYS[1], 'hash')\n"
	"  end\n"
	"elseif ARGV[2] == 'add' and not has then\n"
	"  if keys >= tonumber(ARGV[4]) then return 'limit' end\n"
	"  redis.call('HSET', KEYS[1], 'k:' .. ARGV[3], '1')\n"
	"elseif ARGV[2] == 'del' then\n"
	"  if not has then return 'none' end\n"
	"  if keys == 1 and redis.call('HEXISTS', KEYS[1], 'hash') == 0 then\n"
	"    return 'last'\n"
	"  end\n"
	"  redis.call('HDEL', KEYS[1], 'k:' .. ARGV[3])\n"
	"end\n"
	"return 'ok'\n";

/*
 * KEYS 1 the rooms that an account owns
 * ARGV 1 the room, 2 how many there may be, then rooms that are not its own
 * Returns false where the room has a place there, else all that have.
 */
static const char own[] =
    "for i = 3, #ARGV do redis.call('SREM', KEYS[1], ARGV[i]) end\n"
    "if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then\n"
    "  if redis.call('SCARD', KEYS[1]) >= tonumber(ARGV[2]) then\n"
    "    return redis.call('SMEMBERS', KEYS[1])\n"
    "  end\n"
    "  redis.call('SADD', KEYS[1], ARGV[1])\n"
    "end\n"
    "return false\n";

const struct redis_script redis_scripts[SCRIPT_COUNT] = {
    [SCRIPT_APPEND] = {"append", append_room},
    [SCRIPT_APPEND_PAIR] = {"append-pair", append_pair},
    [SCRIPT_RIGHTS] = {"rights", rights},
    [SCRIPT_CHANGE_RIGHTS] = {"change-rights", change_rights},
    [SCRIPT_READ] = {"read", read_log},
    [SCRIPT_ROOM] = {"room", room},
    [SCRIPT_MEMBER] = {"member", member},
    [SCRIPT_REGISTER] = {"register", register_members},
    [SCRIPT_ROOM_COUNT] = {"room-count", room_count},
    [SCRIPT_ROOM_LISTED] = {"room-listed", room_listed},
    [SCRIPT_CLAIM] = {"claim", claim},
    [SCRIPT_RELEASE] = {"release", release},
    [SCRIPT_RESUME] = {"resume", resume},
    [SCRIPT_REVOKE] = {"revoke", revoke},
    [SCRIPT_NODES] = {"nodes", nodes},
    [SCRIPT_HEARTBEAT] = {"heartbeat", heartbeat},
    [SCRIPT_REAP] = {"reap", reap},
    [SCRIPT_REAP_ROOM] = {"reap-room", reap_room},
    [SCRIPT_REAP_NICK] = {"reap-nick", reap_nick},
    [SCRIPT_REAPED] = {"reaped", reaped},
    [SCRIPT_ORDER] = {"order", order},
    [SCRIPT_DENY] = {"deny", deny},
    [SCRIPT_KEY_TAKE] = {"key-take", key_take},
    [SCRIPT_KEY_DROP] = {"key-drop", key_drop},
    [SCRIPT_NICK_OWN] = {"nick-own", nick_own},
    [SCRIPT_ACCOUNT] = {"account", account},
    [SCRIPT_OWN] = {"own", own},
};

char *
redis_script_text(
    const struct redis_script *s, const char *client, const char *link)
{
	return xasprintf("%s-- %s %s\n", s->lua, client, link);
}
