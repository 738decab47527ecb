-- The part of a Wireshark dissector that is the same for every protocol: `qbp wireshark` puts it after the tables of one.
-- It takes Lua 5.2 (Wireshark up to 4.2) as well as 5.4, so it has neither's bit operations: integers are split by division.

local protocol = Proto(NAME, TITLE)

local head_fields = {
  type = ProtoField.uint32(NAME .. ".type", "Type"),
  kind = ProtoField.string(NAME .. ".type_name", "Type"),
  length = ProtoField.uint32(NAME .. ".length", "Length of the body"),
  message = ProtoField.string(NAME .. ".message", "Message"),
  body = ProtoField.bytes(NAME .. ".body", "Body"),
  unknown = ProtoField.bytes(NAME .. ".unknown", "Unknown field"),
  fault = ProtoField.string(NAME .. ".fault", "Fault"),
}
local list = {}
for _, field in pairs(head_fields) do table.insert(list, field) end
-- The fields of a header's own, one for each name: layouts of both ways share them.
local own = {}
local function add_field(name, make)
  if not own[name] then
    own[name] = make(NAME .. ".header." .. name, name)
    table.insert(list, own[name])
  end
  return own[name]
end
for _, row in ipairs(ROWS) do
  for _, part in ipairs(row) do
    if part.kind == "section" then part.field = add_field(part.name, ProtoField.none)
    elseif part.kind == "bytes" then part.field = add_field(part.name, ProtoField.bytes) end
    for _, cell in ipairs(part.cells or {}) do
      if cell.role == "checksum" then cell.field = add_field(cell.name, ProtoField.uint64)
      elseif cell.role == "own" then
        cell.field = add_field(cell.name, part.width == 8 and part.order ~= "hex" and ProtoField.uint64 or ProtoField.int64)
      end
    end
  end
end

local MAKE = {
  double = ProtoField.double, float = ProtoField.float,
  int32 = ProtoField.int32, sint32 = ProtoField.int32, sfixed32 = ProtoField.int32,
  uint32 = ProtoField.uint32, fixed32 = ProtoField.uint32,
  int64 = ProtoField.int64, sint64 = ProtoField.int64, sfixed64 = ProtoField.int64,
  uint64 = ProtoField.uint64, fixed64 = ProtoField.uint64,
  bool = ProtoField.bool, string = ProtoField.string, bytes = ProtoField.bytes, message = ProtoField.none,
}
for name, type in pairs(TYPES) do
  for _, field in pairs(type.fields) do
    local filter = NAME .. "." .. type.filter .. "." .. field.name
    if field.kind == "enum" then
      field.field = ProtoField.int32(filter, field.name, base.DEC, ENUMS[field.of])
    else
      field.field = MAKE[field.kind](filter, field.name)
    end
    table.insert(list, field.field)
  end
end
protocol.fields = list

-- A varint at pos as two halves of 32 bits, and the position after it; nil where it is cut, false where it is none.
local function varint(buf, pos, limit)
  local lo, hi = 0, 0
  for i = 0, 9 do
    if pos + i >= limit then return nil end
    local byte = buf(pos + i, 1):uint()
    local bits = byte % 128
    if i < 4 then lo = lo + bits * 2 ^ (7 * i)
    elseif i == 4 then
      lo = lo + (bits % 16) * 2 ^ 28
      hi = math.floor(bits / 16)
    else hi = hi + bits * 2 ^ (7 * i - 32) end
    if byte < 128 then return math.floor(lo), math.floor(hi % 2 ^ 32), pos + i + 1 end
  end
  return false
end

local function signed(lo) return lo >= 2 ^ 31 and math.floor(lo - 2 ^ 32) or lo end

local function unzigzag(lo, hi)
  local half = UInt64.new(lo, hi):rshift(1)
  local value = Int64.new(half:lower(), half:higher())
  return lo % 2 == 0 and value or -value - 1
end

local VARINT = {
  int32 = function(lo) return signed(lo) end,
  enum = function(lo) return signed(lo) end,
  uint32 = function(lo) return lo end,
  sint32 = function(lo) return lo % 2 == 0 and math.floor(lo / 2) or -math.floor((lo + 1) / 2) end,
  bool = function(lo, hi) return lo ~= 0 or hi ~= 0 end,
  int64 = function(lo, hi) return Int64.new(lo, hi) end,
  uint64 = function(lo, hi) return UInt64.new(lo, hi) end,
  sint64 = unzigzag,
}
local FIXED = {
  fixed32 = 4, sfixed32 = 4, float = 4,
  fixed64 = 8, sfixed64 = 8, double = 8,
}

local function fault(tree, range, text)
  local item = tree:add(head_fields.fault, range, text)
  item:add_expert_info(PI_MALFORMED, PI_ERROR, text)
end

-- One value of a kind that is no bytes, and the position after it.
local function scalar(buf, pos, limit, tree, field, start)
  local size = FIXED[field.kind]
  if size then
    if pos + size > limit then return nil end
    tree:add_le(field.field, buf(pos, size))
    return pos + size
  end
  local lo, hi, past = varint(buf, pos, limit)
  if not lo then return nil end
  tree:add(field.field, buf(start, past - start), VARINT[field.kind](lo, hi))
  return past
end

local WIRE = { bool = 0, enum = 0, string = 2, bytes = 2, message = 2 }
for kind in pairs(VARINT) do WIRE[kind] = 0 end
for kind, size in pairs(FIXED) do WIRE[kind] = size == 4 and 5 or 1 end

-- The fields of a message, to limit or to the end of the group; the position after them, or nil where they do not decode.
local message
local function skip(buf, pos, limit, wire, number, depth)
  if wire == 0 then
    local lo, _, past = varint(buf, pos, limit)
    return lo and past
  elseif wire == 1 then return pos + 8 <= limit and pos + 8 or nil
  elseif wire == 5 then return pos + 4 <= limit and pos + 4 or nil
  elseif wire == 2 then
    local length, _, past = varint(buf, pos, limit)
    return length and past + length <= limit and past + length or nil
  elseif wire == 3 then return message(buf, pos, limit, nil, nil, number, depth + 1) end
end

function message(buf, pos, limit, tree, type, group, depth)
  if depth > 100 then return nil end
  while pos < limit do
    local start = pos
    local lo, _, past = varint(buf, pos, limit)
    if not lo then return nil end
    local number, wire = math.floor(lo / 8), lo % 8
    pos = past
    if wire == 4 then return number == group and pos or nil end
    local field = type and type.fields[number]
    local expects = field and (field.group and 3 or WIRE[field.kind])
    if field and wire == 2 and field.kind ~= "message" and expects == 2 then
      local length, _, first = varint(buf, pos, limit)
      if not length or first + length > limit then return nil end
      pos = first + length
      if length == 0 then tree:add(field.field, buf(start, pos - start), field.kind == "bytes" and ByteArray.new() or "")
      elseif field.kind == "bytes" then tree:add(field.field, buf(first, length))
      else tree:add(field.field, buf(first, length), buf(first, length):string(ENC_UTF_8)) end
    elseif field and wire == 2 and expects == 2 then
      local length, _, first = varint(buf, pos, limit)
      if not length or first + length > limit then return nil end
      pos = first + length
      local inner = tree:add(field.field, buf(start, pos - start))
      if not message(buf, first, pos, inner, TYPES[field.of], 0, depth + 1) then return nil end
    elseif field and wire == 3 and expects == 3 then
      local inner = tree:add(field.field, buf(start))
      pos = message(buf, pos, limit, inner, TYPES[field.of], number, depth + 1)
      if not pos then return nil end
      inner:set_len(pos - start)
    elseif field and wire == 2 and field.repeated then
      local length, _, first = varint(buf, pos, limit)
      if not length or first + length > limit then return nil end
      local last = first + length
      pos = first
      while pos < last do
        pos = scalar(buf, pos, last, tree, field, pos)
        if not pos then return nil end
      end
    elseif field and wire == expects and wire ~= 3 then
      pos = scalar(buf, pos, limit, tree, field, start)
      if not pos then return nil end
    else
      pos = skip(buf, pos, limit, wire, number, depth)
      if not pos then return nil end
      if tree then tree:add(head_fields.unknown, buf(start, pos - start)):append_text(" (number " .. number .. ")") end
    end
  end
  return group == 0 and pos or nil
end

-- One integer of a header, and the position after it; nil until more bytes have come, false where it is none.
local function integer(buf, pos, limit, part)
  if part.order == "decimal" then
    local value, digits = 0, 0
    while true do
      if pos >= limit then return nil end
      local byte = buf(pos, 1):uint()
      if byte < 48 or byte > 57 then break end
      digits, value, pos = digits + 1, value * 10 + byte - 48, pos + 1
      if digits > 16 then return false end
    end
    if digits == 0 then return false end
    return math.floor(value), pos
  elseif part.width then
    if pos + part.width > limit then return nil end
    local range, little = buf(pos, part.width), part.order == "little-endian"
    if part.order == "hex" then return tonumber(range:string(), 16) or false, pos + part.width end
    if part.width < 8 then return little and range:le_uint() or range:uint(), pos + part.width end
    local lo, hi = (little and range(0, 4) or range(4, 4)), (little and range(4, 4) or range(0, 4))
    local value = (little and hi:le_uint() or hi:uint()) * 2 ^ 32 + (little and lo:le_uint() or lo:uint())
    return math.floor(value), pos + 8
  end
  local lo, hi, past = varint(buf, pos, limit)
  if not lo then return lo end
  local value = hi * 2 ^ 32 + lo
  if part.order == "zigzag" then value = value % 2 == 0 and value / 2 or -(value + 1) / 2 end
  return math.floor(value), past
end

-- What a field of a section says, found by the numbers of the fields that lead to it; nil where it is not there.
local function lookup(buf, pos, limit, path, step)
  local found
  while pos < limit do
    local lo, _, past = varint(buf, pos, limit)
    if not lo then return found end
    local number, wire = math.floor(lo / 8), lo % 8
    local after = skip(buf, past, limit, wire, number, 0)
    if not after then return found end
    if number == path[step].id then
      local kind = path[step].kind
      if wire == 2 then
        local length, _, first = varint(buf, past, limit)
        if step < #path then
          local inner = lookup(buf, first, first + length, path, step + 1)
          if inner ~= nil then found = inner end
        else found = length == 0 and "" or buf(first, length):string(ENC_UTF_8) end
      elseif wire == 0 then
        local low, high = varint(buf, past, limit)
        found = math.floor(high * 2 ^ 32 + low)
        if kind == "sint32" or kind == "sint64" then found = math.floor(found % 2 == 0 and found / 2 or -(found + 1) / 2) end
      elseif wire == 5 then found = buf(past, 4):le_uint()
      elseif wire == 1 then found = math.floor(buf(past + 4, 4):le_uint() * 2 ^ 32 + buf(past, 4):le_uint()) end
    end
    pos = after
  end
  return found
end

-- The parts of a row from pos on, and where they end; nil and the bytes that are missing, if known; false where they are none.
local function read_row(row, buf, pos)
  local head = { type = 0, items = {}, values = {}, start = pos }
  local sizes, present, start, limit, frame_end = {}, {}, pos, buf:len(), nil
  local function number(part, cell, value, first, past)
    head.values[cell.key] = value
    table.insert(head.items, { part = part, cell = cell, first = first, size = past - first, value = value })
    if cell.role == "type" then head.type = value end
    if cell.role == "length" and cell.all then
      frame_end = (cell.all == "rest" and past or start) + value - cell.plus
      if frame_end < past then return false end
    end
    return true
  end
  local size_of
  local function size_now(other, i)
    if other < i then return sizes[other] end
    local part = row[other]
    if part.bytes then return #part.bytes end
    if part.kind == "number" then return part.width end
    if part.size then return size_of(other) end
    return 0
  end
  function size_of(i)
    local size = row[i].size
    if size.by == "fixed" then return size.bytes end
    local bytes = size.by == "length" and head.values[size.key] - size.plus or frame_end - pos
    for _, other in ipairs(size.others) do bytes = bytes - size_now(other, i) end
    return bytes
  end
  local i = 1
  while i <= #row do
    local part, first = row[i], pos
    local stop = frame_end and math.min(limit, frame_end) or limit
    local isCut = frame_end ~= nil and frame_end <= limit
    present[i], sizes[i] = true, 0
    if part.kind == "constant" then
      for _, byte in ipairs(part.bytes) do
        if pos >= stop then return isCut and false or nil end
        if buf(pos, 1):uint() ~= byte then return false end
        pos = pos + 1
      end
    elseif part.kind == "number" then
      local value, past = integer(buf, pos, stop, part)
      if not value then return (value == false or isCut) and false or nil end
      pos = past
      for _, cell in ipairs(part.cells) do
        local own_value = value
        if cell.bits then own_value = math.floor(value / 2 ^ cell.shift) % math.floor(2 ^ cell.bits) end
        if not number(part, cell, own_value, first, pos) then return false end
      end
    elseif part.kind == "place" then
      local section = head[part.section]
      local value = section and section.size > 0 and lookup(buf, section.first, section.first + section.size, part.path, 1)
      if not value then value = part.isText and "" or 0 end
      if not number(part, part.cells[1], value, section.first, section.first + section.size) then return false end
    elseif part.kind == "group" then
      if not (frame_end and pos < frame_end) then
        for j = i, part.last do present[j], sizes[j] = false, 0 end
        i = part.last
      end
    else
      local size = size_of(i)
      if size < 0 or (frame_end and pos + size > frame_end) then return false end
      if pos + size > limit then return nil, pos + size - limit end
      pos = pos + size
      local item = { part = part, first = first, size = size }
      head[i] = item
      if part.kind == "body" then head.body = item else table.insert(head.items, item) end
    end
    if present[i] then sizes[i] = pos - first end
    i = i + 1
  end
  if frame_end and frame_end ~= pos then return false end
  return head, pos
end

-- The header's fields and sections.
local function show(buf, head, tree)
  for _, item in ipairs(head.items) do
    local part, cell = item.part, item.cell
    local range = item.size > 0 and buf(item.first, item.size) or buf(head.start, 0)
    if part.kind == "section" then
      local inner = tree:add(part.field, range)
      if part.of and item.size > 0 and not message(buf, item.first, item.first + item.size, inner, TYPES[part.of], 0, 0) then
        fault(inner, range, "the section " .. part.name .. " does not decode")
      end
    elseif part.kind == "bytes" then
      if item.size > 0 then tree:add(part.field, range) else tree:add(part.field, range, ByteArray.new()) end
    elseif cell.role == "length" then
      if cell.shows and head.body then tree:add(head_fields.length, range, head.body.size) end
    elseif cell.role == "type" then
      if type(item.value) == "string" then tree:add(head_fields.kind, range, item.value)
      else tree:add(head_fields.type, range, item.value) end
    elseif part.width == 8 and part.order ~= "hex" and not cell.bits then
      if part.order == "little-endian" then tree:add_le(cell.field, range) else tree:add(cell.field, range) end
    else
      local make = (cell.role == "checksum" or (part.width == 8 and part.order ~= "hex")) and UInt64 or Int64
      tree:add(cell.field, range, make.new(item.value % 2 ^ 32, math.floor(item.value / 2 ^ 32) % 2 ^ 32))
    end
  end
end

local function frame(buf, head, last, tree, entries)
  local start = head.start
  local subtree = tree:add(protocol, buf(start, last - start))
  local entry = entries[head.type]
  local name = entry and entry.name or ("type " .. head.type)
  subtree:append_text(", " .. name)
  show(buf, head, subtree)
  if entry then subtree:add(head_fields.message, buf(start, last - start), entry.name):set_generated() end
  if not head.body or head.body.size == 0 then return name end
  local first = head.body.first
  local body = buf(first, head.body.size)
  if not entry or not entry.of then subtree:add(head_fields.body, body)
  elseif not message(buf, first, first + head.body.size, subtree, TYPES[entry.of], 0, 0) then
    fault(subtree, body, "the body of " .. name .. " does not decode")
  end
  return name
end

local sequence = Field.new("tcp.seq")

-- Whether a preamble begins here: where its constant is, or at the first byte of the stream; nil until more bytes have come.
local function is_preamble(row, buf, pos)
  local constant = row[1] and row[1].bytes
  if not constant then
    local first = sequence()
    return pos == 0 and first ~= nil and first.value == 1
  end
  for i, byte in ipairs(constant) do
    if pos + i > buf:len() then return nil end
    if buf(pos + i - 1, 1):uint() ~= byte then return false end
  end
  return true
end

function protocol.dissector(buf, pinfo, tree)
  local pos, limit, names = 0, buf:len(), {}
  local way = (pinfo.dst_port == pinfo.match_uint) and CLIENT or SERVER
  pinfo.cols.protocol = TITLE
  while pos < limit do
    local head, last
    local isPreamble = way.preamble ~= nil and is_preamble(way.preamble, buf, pos)
    if isPreamble == nil then head = nil
    elseif isPreamble then head, last = read_row(way.preamble, buf, pos)
    else head, last = read_row(way.row, buf, pos) end
    if head == false then
      if pos == 0 then return 0 end
      fault(tree:add(protocol, buf(pos)), buf(pos), "this is no header '" .. way.layout .. "'")
      break
    end
    if head == nil then
      pinfo.desegment_offset = pos
      pinfo.desegment_len = last or DESEGMENT_ONE_MORE_SEGMENT
      break
    end
    if isPreamble then
      local subtree = tree:add(protocol, buf(pos, last - pos))
      subtree:append_text(", preamble")
      show(buf, head, subtree)
      table.insert(names, "preamble")
    else table.insert(names, frame(buf, head, last, tree, way.entries)) end
    if last == pos then break end
    pos = last
  end
  if #names > 0 then pinfo.cols.info = table.concat(names, ", ") end
  return limit
end

local ports = DissectorTable.get("tcp.port")
for _, port in ipairs(PORTS) do ports:add(port, protocol) end
if #PORTS == 0 then ports:add_for_decode_as(protocol) end
