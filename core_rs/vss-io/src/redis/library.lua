#!lua name=vss_router

-- The functions by which status rows are written. Each one is atomic: a reader never sees a row without its index entry.
--
-- P is the prefix ("queue"), S the PBX's name; the braces are part of the key and make all keys of a PBX one hash slot.
--   row       P:{S}:operator:<id>   P:{S}:channel:<id>   P:{S}:queue:<name>   P:{S}:call:<id>
--   index     P:{S}:operators       P:{S}:channels       P:{S}:queues         P:{S}:calls
--   members   P:{S}:queue:<name>:operators   P:{S}:staffed (the names, as they stand in keys, of the queues that have any)
--   others    P:{S}:writer   P:{S}:meta   P:{S}:changes   P:{S}:next:<rewrite>:… (sets of a rewrite that has not ended)
--             P:{S}:by_hand (keys of operators' rows whose queues another service may have changed)
-- In a key (not in an index) the last ":" of a queue's name that ends in ":operators" is written "%3A"; a name that looks as
-- if that had been done gets "25" behind its last "%".
--
-- A lease is "<epoch>:<writer>". Times to live are milliseconds. Epochs and sequence numbers travel as decimal text.
-- An entry of `changes` has the fields seq_from, seq_to, rows; rows is "*" (everything was written anew) or
-- {"operators":[ids],"channels":[ids],"queues":[ids],"calls":[ids]}: what was written or removed. seq_from is at most one
-- more than the greatest seq_to before it, unless entries are missing; seq_to may be smaller than one before.

local KEPT_ENTRIES = 100000
-- As many as the stack of Lua holds safely; a multiple of what one flush brings.
local AT_ONCE = 4096

-- Why the holder of `lease` may not write, or nothing. A writer without a lease must take it again and write everything.
local function refusal(lease_key, lease)
  local held = redis.call('GET', lease_key)
  if held == lease then return nil end
  if not held then return redis.error_reply('FENCED missing') end
  return redis.error_reply('FENCED held by ' .. held)
end

-- Call a command that takes many members or keys, in pieces.
local function in_pieces(command, key, members, first, last)
  for from = first, last, AT_ONCE do
    local to = math.min(from + AT_ONCE - 1, last)
    if key then redis.call(command, key, unpack(members, from, to)) else redis.call(command, unpack(members, from, to)) end
  end
end

local function as_text(number)
  return string.format('%.0f', number)
end

local function escaped(queue)
  if string.sub(queue, -10) == ':operators' then return string.sub(queue, 1, -11) .. '%3Aoperators' end
  return (string.gsub(queue, '%%([25]*3Aoperators)$', '%%25%1'))
end

-- The router writes the row at `key` anew and knows nothing of the queues that another service put the operator in: it
-- leaves them all. Whether there was such a row.
local function leaves_queues(base, key)
  if redis.call('SREM', base .. 'by_hand', key) == 0 then return false end
  local id = string.sub(key, #base + 10)
  for _, queue in ipairs(redis.call('SMEMBERS', base .. 'staffed')) do
    local members = base .. 'queue:' .. queue .. ':operators'
    if redis.call('SREM', members, id) == 1 and redis.call('EXISTS', members) == 0 then
      redis.call('SREM', base .. 'staffed', queue)
    end
  end
  return true
end

local function announce(changes_key, seq_from, seq_to, rows, ttl)
  redis.call('XADD', changes_key, 'MAXLEN', '~', KEPT_ENTRIES, '*', 'seq_from', seq_from, 'seq_to', seq_to, 'rows', rows)
  redis.call('PEXPIRE', changes_key, ttl)
end

local function one_row(table_name, id)
  local rows = '{'
  for place, name in ipairs({ 'operators', 'channels', 'queues', 'calls' }) do
    rows = rows .. (place > 1 and ',' or '') .. '"' .. name .. '":[' .. (name == table_name and cjson.encode(id) or '') .. ']'
  end
  return rows .. '}'
end

-- vss_set: a row by hand, from any service. Needs no lease; the row stands until a router writes it anew or its time is over.
--   KEYS  1 row   2 index of its table   3 meta   4 changes   5… members of the queues the operator is in (joined),
--         then members of the queues it is no longer in (left)
--   ARGV  1 id (for a queue its name)   2 table: operators | channels | queues | calls
--         3 the row as a JSON object with all fields but seq and as_of   4 as_of (ISO 8601)   5 time to live   6 how many joined
--   Answers the row's seq as text: one more than meta's, which is raised by it.
local function vss_set(keys, args)
  local id, ttl, joined = args[1], args[5], tonumber(args[6])
  local body = string.match(args[3], '^%s*{(.*)}%s*$')
  if not body then return redis.error_reply('ERR the row is no JSON object') end
  local seq = as_text(redis.call('HINCRBY', keys[3], 'seq', 1))
  redis.call('HSET', keys[3], 'as_of', args[4])
  redis.call('PEXPIRE', keys[3], ttl)
  local comma = string.find(body, '%S') and ',' or ''
  redis.call('PSETEX', keys[1], ttl, '{' .. body .. comma .. '"seq":' .. seq .. ',"as_of":' .. cjson.encode(args[4]) .. '}')
  redis.call('SADD', keys[2], id)
  redis.call('PEXPIRE', keys[2], ttl)
  -- P:{S}:meta and P:{S}:queue:<name>:operators tell the rest.
  local base = string.sub(keys[3], 1, -5)
  if #keys > 4 then
    redis.call('SADD', base .. 'by_hand', keys[1])
    redis.call('PEXPIRE', base .. 'by_hand', ttl)
  end
  for place = 5, #keys do
    if place - 4 <= joined then
      redis.call('SADD', keys[place], id)
      redis.call('PEXPIRE', keys[place], ttl)
      redis.call('SADD', base .. 'staffed', string.sub(keys[place], #base + 7, -11))
      redis.call('PEXPIRE', base .. 'staffed', ttl)
    else
      redis.call('SREM', keys[place], id)
    end
  end
  announce(keys[4], seq, seq, one_row(args[2], id), ttl)
  return seq
end

-- vss_remove: take a row away, from any service. Needs no lease.
--   KEYS  1 row   2 index of its table   3 meta   4 changes   5… for an operator: members of the queues it was in;
--         for a queue: its own members (deleted)
--   ARGV  1 id   2 table   3 time to live
--   Answers the seq of the removal as text, or nothing when there was no such row (its index entries are gone all the same).
local function vss_remove(keys, args)
  local id, ttl = args[1], args[3]
  local stood = redis.call('DEL', keys[1])
  redis.call('SREM', keys[2], id)
  for place = 5, #keys do
    if args[2] == 'queues' then redis.call('DEL', keys[place]) else redis.call('SREM', keys[place], id) end
  end
  if stood == 0 then return false end
  local seq = as_text(redis.call('HINCRBY', keys[3], 'seq', 1))
  redis.call('PEXPIRE', keys[3], ttl)
  announce(keys[4], seq, seq, one_row(args[2], id), ttl)
  return seq
end

-- vss_lease: take, keep or give up the writer's lease.
--   KEYS  1 lease   2 meta
--   ARGV  1 take | keep | give   2 writer (take; no two have the same), else the whole lease   3 the lease's time to live
--         4 the greatest epoch the writer has seen (take)   5 time to live of meta (take)
--   Answers {"taken", epoch, meta's seq} | {"kept"} | {"given"} | {"missing"} | {"held", lease, its time to live}.
local function vss_lease(keys, args)
  local held = redis.call('GET', keys[1])
  if args[1] == 'take' then
    -- Our own of a connection before: what that one still has under way is refused from now on.
    local ours = held and string.match(held, '^%d+:(.*)$') == args[2]
    if held and not ours then return { 'held', held, redis.call('PTTL', keys[1]) } end
    local stood = redis.call('HMGET', keys[2], 'epoch', 'seq')
    local before = math.max(tonumber(stood[1]) or 0, tonumber(args[4]), ours and tonumber(string.match(held, '^%d+')) or 0)
    local epoch = as_text(before + 1)
    redis.call('SET', keys[1], epoch .. ':' .. args[2], 'PX', args[3])
    redis.call('HSET', keys[2], 'epoch', epoch, 'writer', args[2])
    redis.call('PEXPIRE', keys[2], args[5])
    return { 'taken', epoch, stood[2] or '0' }
  end
  if not held then return { 'missing' } end
  if held ~= args[2] then return { 'held', held, redis.call('PTTL', keys[1]) } end
  if args[1] == 'give' then
    redis.call('DEL', keys[1])
    return { 'given' }
  end
  redis.call('PEXPIRE', keys[1], args[3])
  return { 'kept' }
end

-- vss_flush: one batch of the router's rows; refused as a whole when the lease is not the writer's.
--   KEYS  1 lease   2 meta   3 changes   then `known` rows the writer knows to stand, `fresh` rows it does not,
--         `tentative` rows that are written only where none stands, `gone` rows that are deleted, then `sets` sets
--   ARGV  1 lease   2 time to live   3 known   4 fresh   5 tentative   6 gone   7 sets
--         8 seq_from   9 seq_to   10 rows of the entry, "" for none   11 state   12 as_of   13 Asterisk's version
--         then the values of the known, fresh and tentative rows, then for each set:
--         how many ids are added, how many are removed, the added, the removed
--   Answers meta's seq as text, then the places (from 1) of known rows that did not stand or stood by hand: they are written,
--   their index entries may be missing.
local function vss_flush(keys, args)
  local refused = refusal(keys[1], args[1])
  if refused then return refused end
  local call, ttl = redis.call, args[2]
  local known, fresh, tentative, gone = tonumber(args[3]), tonumber(args[4]), tonumber(args[5]), tonumber(args[6])
  local answer = { '' }
  local standing = 0
  for from = 4, 3 + known, AT_ONCE do
    standing = standing + call('EXISTS', unpack(keys, from, math.min(from + AT_ONCE - 1, 3 + known)))
  end
  if standing < known then
    for place = 1, known do
      if call('EXISTS', keys[3 + place]) == 0 then answer[#answer + 1] = place end
    end
  end
  local first = 1
  if #answer == 1 then
    -- Rows that stand keep their time to live: renewals see to it, and setting it anew is a tenth of the whole work.
    for place = 1, known do call('SET', keys[3 + place], args[13 + place], 'KEEPTTL') end
    first = known + 1
  end
  for place = first, known + fresh do
    call('PSETEX', keys[3 + place], ttl, args[13 + place])
  end
  for place = known + fresh + 1, known + fresh + tentative do
    call('SET', keys[3 + place], args[13 + place], 'NX', 'PX', ttl)
  end
  local base = string.sub(keys[2], 1, -5)
  if call('EXISTS', base .. 'by_hand') == 1 then
    for place = 1, known + fresh + tentative + gone do
      -- A tentative row has given way to the one by hand.
      local written = place <= known + fresh or place > known + fresh + tentative
      if written and leaves_queues(base, keys[3 + place]) and place <= known then answer[#answer + 1] = place end
    end
  end
  local place = 3 + known + fresh + tentative
  if gone > 0 then in_pieces('UNLINK', nil, keys, place + 1, place + gone) end
  place = place + gone
  local at = 14 + known + fresh + tentative
  for set = place + 1, place + tonumber(args[7]) do
    local added, removed = tonumber(args[at]), tonumber(args[at + 1])
    at = at + 2
    if added > 0 then
      in_pieces('SADD', keys[set], args, at, at + added - 1)
      call('PEXPIRE', keys[set], ttl)
    end
    if removed > 0 then in_pieces('SREM', keys[set], args, at + added, at + added + removed - 1) end
    at = at + added + removed
  end
  if args[10] ~= '' then
    local seq, stood = args[9], call('HGET', keys[2], 'seq')
    -- A row by hand from another service has raised it.
    if stood and tonumber(stood) > tonumber(seq) then seq = stood end
    call('HSET', keys[2], 'seq', seq, 'as_of', args[12], 'state', args[11], 'asterisk_version', args[13])
    call('PEXPIRE', keys[2], ttl)
    announce(keys[3], args[8], args[9], args[10], ttl)
    answer[1] = seq
  end
  return answer
end

-- vss_renew: the time to live of keys that still stand for something begins anew.
--   KEYS  1 lease   2… keys
--   ARGV  1 lease   2 time to live
--   Answers the places (from 1, after the lease) of keys that are missing.
local function vss_renew(keys, args)
  local refused = refusal(keys[1], args[1])
  if refused then return refused end
  local missing = {}
  for place = 2, #keys do
    if redis.call('PEXPIRE', keys[place], args[2]) == 0 then missing[#missing + 1] = place - 1 end
  end
  -- A row by hand whose time begins anew is to be told apart as long as it stands.
  redis.call('PEXPIRE', string.sub(keys[1], 1, -7) .. 'by_hand', args[2])
  return missing
end

-- vss_index: end a rewrite. The sets P:{S}:next:<rewrite>:operators, …:channels, …:queues, …:calls and …:queue:<name> that its
-- flushes have filled take the places of the indexes and members; rows that are in no index any more are deleted.
--   KEYS  1 lease   2 meta   3 changes
--   ARGV  1 lease   2 time to live   3 "P:{S}:"   4 seq_from   5 seq_to   6 state   7 as_of   8 Asterisk's version
--         9 "P:{S}:next:<rewrite>:"
--   Answers meta's seq as text, then how many rows were dropped.
local function vss_index(keys, args)
  local refused = refusal(keys[1], args[1])
  if refused then return refused end
  local call, ttl, base, next_base = redis.call, args[2], args[3], args[9]
  local function replace(set, next_set)
    if call('EXISTS', next_set) == 1 then
      call('RENAME', next_set, set)
      call('PEXPIRE', set, ttl)
    else
      call('UNLINK', set)
    end
  end
  local dropped = 0
  for _, name in ipairs({ 'operators', 'channels', 'queues', 'calls' }) do
    local set, next_set, row = base .. name, next_base .. name, base .. string.sub(name, 1, -2) .. ':'
    for _, id in ipairs(call('SDIFF', set, next_set)) do
      if name == 'queues' then id = escaped(id) end
      dropped = dropped + call('UNLINK', row .. id)
    end
    replace(set, next_set)
  end
  for _, queue in ipairs(call('SUNION', base .. 'staffed', next_base .. 'staffed')) do
    replace(base .. 'queue:' .. queue .. ':operators', next_base .. 'queue:' .. queue)
  end
  replace(base .. 'staffed', next_base .. 'staffed')
  local seq, stood = args[5], call('HGET', keys[2], 'seq')
  if stood and tonumber(stood) > tonumber(seq) then seq = stood end
  call('HSET', keys[2], 'seq', seq, 'as_of', args[7], 'state', args[6], 'asterisk_version', args[8])
  call('PEXPIRE', keys[2], ttl)
  announce(keys[3], args[4], args[5], '*', ttl)
  return { seq, dropped }
end

redis.register_function('vss_set', vss_set)
redis.register_function('vss_remove', vss_remove)
redis.register_function('vss_lease', vss_lease)
redis.register_function('vss_flush', vss_flush)
redis.register_function('vss_renew', vss_renew)
redis.register_function('vss_index', vss_index)
