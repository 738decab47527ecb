-- The part of a Wireshark dissector that is the same for every protocol: `qbp wireshark` puts it after the tables of one.
-- It takes Lua 5.2 (Wireshark up to 4.2) as well as 5.4, so it has neither's bit operations: integers are split by division.

local protocol = Proto(NAME, TITLE)

local head_fields = {
  type = ProtoField.uint32(NAME .. ".type", "Type"),
  length = ProtoField.uint32(NAME .. ".length", "Length of the body"),
  message = ProtoField.string(NAME .. ".message", "Message"),
  body = ProtoField.bytes(NAME .. ".body", "Body"),
  unknown = ProtoField.bytes(NAME .. ".unknown", "Unknown field"),
  fault = ProtoField.string(NAME .. ".fault", "Fault"),
}
local list = {}
for _, field in pairs(head_fields) do table.insert(list, field) end
for _, token in ipairs(HEADER) do
  for _, cell in ipairs(token.cells or { token }) do
    if cell.name and cell.name ~= "type" and cell.name ~= "length" then
      local make = token.width == 8 and token.order ~= "hex" and ProtoField.uint64 or ProtoField.int64
      cell.field = make(NAME .. ".header." .. cell.name, cell.name)
      table.insert(list, cell.field)
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
  local lo, hi, behind = varint(buf, pos, limit)
  if not lo then return nil end
  tree:add(field.field, buf(start, behind - start), VARINT[field.kind](lo, hi))
  return behind
end

local WIRE = { bool = 0, enum = 0, string = 2, bytes = 2, message = 2 }
for kind in pairs(VARINT) do WIRE[kind] = 0 end
for kind, size in pairs(FIXED) do WIRE[kind] = size == 4 and 5 or 1 end

-- The fields of a message, to limit or to the end of the group; the position after them, or nil where they do not decode.
local message
local function skip(buf, pos, limit, wire, number, depth)
  if wire == 0 then
    local lo, _, behind = varint(buf, pos, limit)
    return lo and behind
  elseif wire == 1 then return pos + 8 <= limit and pos + 8 or nil
  elseif wire == 5 then return pos + 4 <= limit and pos + 4 or nil
  elseif wire == 2 then
    local length, _, behind = varint(buf, pos, limit)
    return length and behind + length <= limit and behind + length or nil
  elseif wire == 3 then return message(buf, pos, limit, nil, nil, number, depth + 1) end
end

function message(buf, pos, limit, tree, type, group, depth)
  if depth > 100 then return nil end
  while pos < limit do
    local start = pos
    local lo, _, behind = varint(buf, pos, limit)
    if not lo then return nil end
    local number, wire = math.floor(lo / 8), lo % 8
    pos = behind
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

-- The header at pos: its values, and where its body begins; nil until more bytes have come, false where it is none.
local function header(buf, pos)
  local head, start, limit = { type = 0, items = {} }, pos, buf:len()
  local behind_length = pos
  for _, token in ipairs(HEADER) do
    local first = pos
    if token.bytes then
      for i, byte in ipairs(token.bytes) do
        if pos >= limit then return nil end
        if buf(pos, 1):uint() ~= byte then return false end
        pos = pos + 1
      end
    else
      local value
      if token.order == "decimal" then
        local digits = 0
        value = 0
        while true do
          if pos >= limit then return nil end
          local byte = buf(pos, 1):uint()
          if byte < 48 or byte > 57 then break end
          digits, value, pos = digits + 1, value * 10 + byte - 48, pos + 1
          if digits > 16 then return false end
        end
        if digits == 0 then return false end
        value = math.floor(value)
      elseif token.order == "hex" then
        if pos + token.width > limit then return nil end
        value = tonumber(buf(pos, token.width):string(), 16)
        if not value then return false end
        pos = pos + token.width
      elseif token.width == 8 then
        if pos + 8 > limit then return nil end
        local range, little = buf(pos, 8), token.order == "little-endian"
        local lo, hi = (little and range(0, 4) or range(4, 4)), (little and range(4, 4) or range(0, 4))
        value = (little and hi:le_uint() or hi:uint()) * 2 ^ 32 + (little and lo:le_uint() or lo:uint())
        value = math.floor(value)
        pos = pos + 8
      elseif token.width then
        if pos + token.width > limit then return nil end
        value = token.order == "little-endian" and buf(pos, token.width):le_uint() or buf(pos, token.width):uint()
        pos = pos + token.width
      else
        local lo, hi, behind = varint(buf, pos, limit)
        if not lo then return lo end
        value = hi * 2 ^ 32 + lo
        if token.order == "zigzag" then value = value % 2 == 0 and value / 2 or -(value + 1) / 2 end
        value = math.floor(value)
        pos = behind
      end
      for _, cell in ipairs(token.cells or { token }) do
        local own = value
        if cell.bits then own = math.floor(value / 2 ^ cell.shift) % math.floor(2 ^ cell.bits) end
        head[cell.name] = own
        table.insert(head.items, { token = token, cell = cell, range = buf(first, pos - first), value = own })
        if cell.name == "length" then behind_length = pos end
      end
    end
  end
  head.length = head.length - PLUS
  if COUNTS == "rest" then head.length = head.length - (pos - behind_length) end
  if COUNTS == "frame" then head.length = head.length - (pos - start) end
  if head.length < 0 then return false end
  return head, pos
end

local function frame(buf, start, first, head, tree, entries)
  local last = first + head.length
  local subtree = tree:add(protocol, buf(start, last - start))
  local entry = entries[head.type]
  local name = entry and entry.name or ("type " .. head.type)
  subtree:append_text(", " .. name)
  for _, item in ipairs(head.items) do
    local token, cell = item.token, item.cell
    if cell.name == "length" then subtree:add(head_fields.length, item.range, head.length)
    elseif cell.name == "type" then subtree:add(head_fields.type, item.range, head.type)
    elseif token.width == 8 and token.order ~= "hex" then
      subtree:add(cell.field, item.range, UInt64.new(item.value % 2 ^ 32, math.floor(item.value / 2 ^ 32) % 2 ^ 32))
    else subtree:add(cell.field, item.range, Int64.new(item.value % 2 ^ 32, math.floor(item.value / 2 ^ 32) % 2 ^ 32)) end
  end
  if entry then subtree:add(head_fields.message, buf(start, last - start), entry.name):set_generated() end
  if head.length == 0 then return name end
  local body = buf(first, head.length)
  if not entry or not entry.of then subtree:add(head_fields.body, body)
  elseif not message(buf, first, last, subtree, TYPES[entry.of], 0, 0) then
    fault(subtree, body, "the body of " .. name .. " does not decode")
  end
  return name
end

function protocol.dissector(buf, pinfo, tree)
  local pos, limit, names = 0, buf:len(), {}
  local entries = (pinfo.dst_port == pinfo.match_uint) and CLIENT or SERVER
  pinfo.cols.protocol = TITLE
  while pos < limit do
    local head, first = header(buf, pos)
    if head == false then
      if pos == 0 then return 0 end
      fault(tree:add(protocol, buf(pos)), buf(pos), "this is no header '" .. LAYOUT .. "'")
      break
    end
    if head == nil or first + head.length > limit then
      pinfo.desegment_offset = pos
      pinfo.desegment_len = head and (first + head.length - limit) or DESEGMENT_ONE_MORE_SEGMENT
      break
    end
    table.insert(names, frame(buf, pos, first, head, tree, entries))
    pos = first + head.length
  end
  if #names > 0 then pinfo.cols.info = table.concat(names, ", ") end
  return limit
end

local ports = DissectorTable.get("tcp.port")
for _, port in ipairs(PORTS) do ports:add(port, protocol) end
if #PORTS == 0 then ports:add_for_decode_as(protocol) end
