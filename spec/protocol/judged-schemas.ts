// Schemas that protoc takes or refuses by their text: options, values in braces, groups, escapes, statements that do not belong. For
// protoc-text.spec.ts.

const two = (body: string) => `syntax = "proto2"; package t;\n${body}`
const three = (body: string) => `syntax = "proto3"; package t;\n${body}`
const DESCRIPTOR = 'import "google/protobuf/descriptor.proto";'
const extending2 = (body: string) => two(`${DESCRIPTOR} ${body}`)
const extending3 = (body: string) => three(`${DESCRIPTOR} ${body}`)

export const JUDGED: Record<string, string> = {
  'opt twice': three('option java_package = "a"; option java_package = "b"; message M { int32 a = 1; }'),
  'opt twice in message': three('message M { option deprecated = true; option deprecated = false; int32 a = 1; }'),
  'opt twice in field': two('message M { optional int32 a = 1 [deprecated = true, deprecated = true]; }'),
  'default twice': two('message M { optional int32 a = 1 [default = 1, default = 2]; }'),
  'json_name twice': three('message M { int32 a = 1 [json_name = "x", json_name = "y"]; }'),
  'opt twice in enum': three('enum E { option allow_alias = true; option allow_alias = true; A = 0; B = 0; }'),
  'unknown file option': three('option foo = "a"; message M { int32 a = 1; }'),
  'unknown message option': three('message M { option foo = true; int32 a = 1; }'),
  'unknown field option': three('message M { int32 a = 1 [foo = true]; }'),
  'unknown method option': three('message M {} service S { rpc A(M) returns (M) { option foo = true; } }'),
  'unknown custom option': three('message M { option (foo) = true; int32 a = 1; }'),
  'unknown custom field option': three('message M { int32 a = 1 [(foo) = true]; }'),
  'custom option of wrong kind': three(
    'import "google/protobuf/descriptor.proto"; extend google.protobuf.FieldOptions { string foo = 50000; } message M { option (foo) = "a"; int32 a = 1; }',
  ),
  'custom option wrong value': three(
    'import "google/protobuf/descriptor.proto"; extend google.protobuf.FieldOptions { int32 foo = 50000; } message M { int32 a = 1 [(foo) = "a"]; }',
  ),
  'custom option twice': three(
    'import "google/protobuf/descriptor.proto"; extend google.protobuf.MessageOptions { int32 foo = 50000; } message M { option (foo) = 1; option (foo) = 2; int32 a = 1; }',
  ),
  'repeated custom option twice': three(
    'import "google/protobuf/descriptor.proto"; extend google.protobuf.MessageOptions { repeated int32 foo = 50000; } message M { option (foo) = 1; option (foo) = 2; int32 a = 1; }',
  ),
  'custom sub option twice': three(
    'import "google/protobuf/descriptor.proto"; message O { int32 x = 1; int32 y = 2; } extend google.protobuf.MessageOptions { O foo = 50000; } message M { option (foo).x = 1; option (foo).y = 2; int32 a = 1; }',
  ),
  'custom sub option same twice': three(
    'import "google/protobuf/descriptor.proto"; message O { int32 x = 1; int32 y = 2; } extend google.protobuf.MessageOptions { O foo = 50000; } message M { option (foo).x = 1; option (foo).x = 2; int32 a = 1; }',
  ),
  'custom sub option unknown': three(
    'import "google/protobuf/descriptor.proto"; message O { int32 x = 1; } extend google.protobuf.MessageOptions { O foo = 50000; } message M { option (foo).z = 1; int32 a = 1; }',
  ),
  'text across lines': two('message M { optional string a = 1 [default = "a\nb"]; }'),
  'text escape newline': two('message M { optional string a = 1 [default = "a\\\nb"]; }'),
  'lower group': two('message M { optional group g = 1 {} }'),
  'import twice': three(
    'import "google/protobuf/any.proto"; import "google/protobuf/any.proto"; message M { google.protobuf.Any a = 1; }',
  ),
  'syntax twice': 'syntax = "proto3"; syntax = "proto3"; message M {}',
  'syntax late': 'package t; syntax = "proto3"; message M {}',
  'extend empty': two('message M { extensions 4; } extend M { }'),
  'ext range opts': two('message M { extensions 4 [deprecated = true]; }'),
  'reserved mixed': three('message M { reserved 1, "a"; }'),
  'enum reserved overlap': three('enum E { reserved 5 to 8, 7; A = 0; }'),
  'enum reserved twice name': three('enum E { reserved "X", "X"; A = 0; }'),
  'bool default TRUE': two('message M { optional bool a = 1 [default = TRUE]; }'),
  'default enum text': two('enum E { A = 1; } message M { optional E e = 1 [default = "A"]; }'),
  'default message': two('message M { optional M a = 1 [default = {}]; }'),
  'default in group': two('message M { optional group G = 1 [default = 1] {} }'),
  'default bad escape': two('message M { optional string a = 1 [default = "\\q"]; }'),
  'default bad hex': two('message M { optional string a = 1 [default = "\\xzz"]; }'),
  'default u short': two('message M { optional string a = 1 [default = "\\u12"]; }'),
  'default U big': two('message M { optional string a = 1 [default = "\\U00110000"]; }'),
  'json_name number': three('message M { int32 a = 1 [json_name = 5]; }'),
  'ctype bad': three('message M { string a = 1 [ctype = FOO]; }'),
  'jstype bad': three('message M { int64 a = 1 [jstype = FOO]; }'),
  'optimize_for bad': three('option optimize_for = FAST; message M { int32 a = 1; }'),
  'optimize_for text': three('option optimize_for = "SPEED"; message M { int32 a = 1; }'),
  'java_package number': three('option java_package = 5; message M { int32 a = 1; }'),
  'idempotency bad': three('message M {} service S { rpc A(M) returns (M) { option idempotency_level = FOO; } }'),
  'message_set proto3': three('message M { option message_set_wire_format = true; }'),
  'nested comment': three('/* a /* b */ message M { int32 a = 1; }'),
  'leading dot missing': three('message M { .M a = 1; }'),
  'inner shadows': three('message A { message B {} } message M { message A {} A.B b = 1; }'),
  'option agg': three(
    'import "google/protobuf/descriptor.proto"; message O { repeated int32 x = 1; } extend google.protobuf.MessageOptions { O foo = 50000; } message M { option (foo) = { x: [1, 2], x: 3; }; int32 a = 1; }',
  ),
  'option agg unknown': three(
    'import "google/protobuf/descriptor.proto"; message O { repeated int32 x = 1; } extend google.protobuf.MessageOptions { O foo = 50000; } message M { option (foo) = { z: 1 }; int32 a = 1; }',
  ),
  'option agg wrong kind': three(
    'import "google/protobuf/descriptor.proto"; message O { int32 x = 1; } extend google.protobuf.MessageOptions { O foo = 50000; } message M { option (foo) = { x: "a" }; int32 a = 1; }',
  ),
  'option agg of any': three(
    'import "google/protobuf/descriptor.proto"; import "google/protobuf/any.proto"; extend google.protobuf.MessageOptions { google.protobuf.Any foo = 50000; } message N { int32 x = 1; } message M { option (foo) = { [type.googleapis.com/t.N] { x: 1 } }; int32 a = 1; }',
  ),
  'option ext in agg': two(
    'import "google/protobuf/descriptor.proto"; message O { extensions 4; } extend O { optional int32 e = 4; } extend google.protobuf.MessageOptions { optional O foo = 50000; } message M { option (foo) = { [t.e]: 1 }; optional int32 a = 1; }',
  ),
  'option path ext': two(
    'import "google/protobuf/descriptor.proto"; message O { extensions 4; } extend O { optional int32 e = 4; } extend google.protobuf.MessageOptions { optional O foo = 50000; } message M { option (foo).(t.e) = 1; optional int32 a = 1; }',
  ),
  'option enum ext': two(
    'import "google/protobuf/descriptor.proto"; enum E { A = 0; B = 1; } extend google.protobuf.MessageOptions { optional E foo = 50000; } message M { option (foo) = B; optional int32 a = 1; }',
  ),
  'option enum ext bad': two(
    'import "google/protobuf/descriptor.proto"; enum E { A = 0; B = 1; } extend google.protobuf.MessageOptions { optional E foo = 50000; } message M { option (foo) = C; optional int32 a = 1; }',
  ),
  'option int range': two(
    'import "google/protobuf/descriptor.proto"; extend google.protobuf.MessageOptions { optional uint32 foo = 50000; } message M { option (foo) = -1; optional int32 a = 1; }',
  ),
  'option neg': two(
    'import "google/protobuf/descriptor.proto"; extend google.protobuf.MessageOptions { optional int32 foo = 50000; } message M { option (foo) = -1; optional int32 a = 1; }',
  ),
  'option full name': two(
    'import "google/protobuf/descriptor.proto"; extend google.protobuf.MessageOptions { optional int32 foo = 50000; } message M { option (.t.foo) = 1; optional int32 a = 1; }',
  ),
  'option spaces': two(
    'import "google/protobuf/descriptor.proto"; extend google.protobuf.MessageOptions { optional int32 foo = 50000; } message M { option ( t . foo ) = 1; optional int32 a = 1; }',
  ),
  'service in message': three('message M { service S {} }'),
  'enum in service': three('message M {} service S { enum E { A = 0; } }'),
  'cr only comment': three('// x\rmessage M { int32 a = 1; }'),
  'map_entry by hand': three('message M { option map_entry = true; int32 key = 1; int32 value = 2; }'),
  'group with extensions': two('message M { optional group G = 1 { extensions 3; } }'),
  'group with extensions list': two(
    'message M { optional group G = 1 { extensions 3 to 5, 7; extensions 100 to max; } }',
  ),
  'group with extend': two(
    'message X { extensions 4; } message M { optional group G = 1 { extend X { optional int32 q = 4; } } }',
  ),
  'group with oneof': two('message M { optional group G = 1 { oneof o { int32 a = 1; string b = 2; } } }'),
  'group with map': two('message M { optional group G = 1 { map<int32, int32> a = 1; } }'),
  'group with group': two('message M { optional group G = 1 { optional group H = 2 { optional int32 a = 1; } } }'),
  'group in extend': two('message M { extensions 4; } extend M { optional group G = 4 { oneof o { int32 a = 1; } } }'),
  'group of repeated opts': two('message M { repeated group G = 1 [deprecated = true] { extensions 4; } }'),
  'ext opts': two('message M { extensions 4 [(foo) = 1]; } '),
  'ext opts def': extending2(
    'extend google.protobuf.ExtensionRangeOptions { optional int32 foo = 50000; } message M { extensions 4 [(foo) = 1]; extensions 5, 6 to 8 [(foo) = 2]; }',
  ),
  'message-level opt on group field': two(
    'message M { optional group G = 1 [deprecated = true, deprecated = true] { } }',
  ),
  'oneof opt ext': extending3(
    'extend google.protobuf.OneofOptions { int32 foo = 50000; } message M { oneof o { option (foo) = 1; int32 a = 1; } }',
  ),
  'method opt ext': extending3(
    'extend google.protobuf.MethodOptions { int32 foo = 50000; } message M {} service S { rpc A(M) returns (M) { option (foo) = 1; option deprecated = true; } }',
  ),
  'file opt ext': extending3(
    'extend google.protobuf.FileOptions { int32 foo = 50000; } option (foo) = 1; message M {}',
  ),
  'opt ext of ext scope': extending2(
    'message X { extend google.protobuf.MessageOptions { optional int32 foo = 50000; } } message M { option (X.foo) = 1; }',
  ),
  'opt ext of ext scope bare': extending2(
    'message X { extend google.protobuf.MessageOptions { optional int32 foo = 50000; } option (foo) = 1; }',
  ),
  'opt ext of ext scope wrong': extending2(
    'message X { extend google.protobuf.MessageOptions { optional int32 foo = 50000; } } message M { option (foo) = 1; }',
  ),
  'opt snake ext': extending3(
    'extend google.protobuf.MessageOptions { int32 foo_bar = 50000; } message M { option (foo_bar) = 1; int32 a = 1; }',
  ),
  'opt snake ext camel': extending3(
    'extend google.protobuf.MessageOptions { int32 foo_bar = 50000; } message M { option (fooBar) = 1; int32 a = 1; }',
  ),
  'opt repeated list': extending3(
    'extend google.protobuf.MessageOptions { repeated int32 foo = 50000; } message M { option (foo) = [1, 2]; int32 a = 1; }',
  ),
  'opt float': extending3(
    'extend google.protobuf.MessageOptions { float foo = 50000; } message M { option (foo) = 1.5; int32 a = 1; }',
  ),
  'opt float int': extending3(
    'extend google.protobuf.MessageOptions { float foo = 50000; } message M { option (foo) = -1; int32 a = 1; }',
  ),
  'opt float ident': extending3(
    'extend google.protobuf.MessageOptions { double foo = 50000; } message M { option (foo) = bla; int32 a = 1; }',
  ),
  'opt float bool': extending3(
    'extend google.protobuf.MessageOptions { double foo = 50000; } message M { option (foo) = true; int32 a = 1; }',
  ),
  'opt int float': extending3(
    'extend google.protobuf.MessageOptions { int32 foo = 50000; } message M { option (foo) = 1.5; int32 a = 1; }',
  ),
  'opt bool int': extending3(
    'extend google.protobuf.MessageOptions { bool foo = 50000; } message M { option (foo) = 1; int32 a = 1; }',
  ),
  'opt enum number': extending2(
    'enum E { A = 0; } extend google.protobuf.MessageOptions { optional E foo = 50000; } message M { option (foo) = 0; }',
  ),
  'opt enum text': extending2(
    'enum E { A = 0; } extend google.protobuf.MessageOptions { optional E foo = 50000; } message M { option (foo) = "A"; }',
  ),
  'agg nested': extending2(
    'enum E { A = 0; } message O { optional int32 n = 1; optional O o = 2; repeated O r = 3; optional E e = 4; map<string, int32> m = 5; repeated string s = 6; } extend google.protobuf.MessageOptions { optional O foo = 50000; } message M { option (foo) = { n: 1, o { n: 2 } r: [{ n: 1 }, <n: 2>], r { e: A } m { key: "a" value: 1 } s: "a" "b" s: ["x", "y"] # comment\n e: A }; }',
  ),
  'agg twice single': extending2(
    'message O { optional int32 n = 1; } extend google.protobuf.MessageOptions { optional O foo = 50000; } message M { option (foo) = { n: 1 n: 2 }; }',
  ),
  'agg no colon': extending2(
    'message O { optional int32 n = 1; } extend google.protobuf.MessageOptions { optional O foo = 50000; } message M { option (foo) = { n 1 }; }',
  ),
  'agg enum number': extending2(
    'enum E { A = 0; } message O { optional E n = 1; } extend google.protobuf.MessageOptions { optional O foo = 50000; } message M { option (foo) = { n: 0 }; }',
  ),
  'agg bool 1': extending2(
    'message O { optional bool n = 1; } extend google.protobuf.MessageOptions { optional O foo = 50000; } message M { option (foo) = { n: 1 }; }',
  ),
  'agg bool t': extending2(
    'message O { optional bool n = 1; } extend google.protobuf.MessageOptions { optional O foo = 50000; } message M { option (foo) = { n: t }; }',
  ),
  'agg bool True': extending2(
    'message O { optional bool n = 1; } extend google.protobuf.MessageOptions { optional O foo = 50000; } message M { option (foo) = { n: True }; }',
  ),
  'agg float f': extending2(
    'message O { optional float n = 1; } extend google.protobuf.MessageOptions { optional O foo = 50000; } message M { option (foo) = { n: 1.5f }; }',
  ),
  'agg float inf': extending2(
    'message O { optional float n = 1; } extend google.protobuf.MessageOptions { optional O foo = 50000; } message M { option (foo) = { n: -inf }; }',
  ),
  'agg group': extending2(
    'message O { optional group Gg = 1 { optional int32 a = 1; } } extend google.protobuf.MessageOptions { optional O foo = 50000; } message M { option (foo) = { Gg { a: 1 } }; }',
  ),
  'agg group lower': extending2(
    'message O { optional group Gg = 1 { optional int32 a = 1; } } extend google.protobuf.MessageOptions { optional O foo = 50000; } message M { option (foo) = { gg { a: 1 } }; }',
  ),
  'agg camel name': extending2(
    'message O { optional int32 foo_bar = 1; } extend google.protobuf.MessageOptions { optional O foo = 50000; } message M { option (foo) = { fooBar: 1 }; }',
  ),
  'agg required missing': extending2(
    'message O { required int32 n = 1; optional int32 x = 2; } extend google.protobuf.MessageOptions { optional O foo = 50000; } message M { option (foo) = { x: 1 }; }',
  ),
  'agg on scalar': extending2(
    'extend google.protobuf.MessageOptions { optional int32 foo = 50000; } message M { option (foo) = { x: 1 }; }',
  ),
  'agg range': extending2(
    'message O { optional int32 n = 1; } extend google.protobuf.MessageOptions { optional O foo = 50000; } message M { option (foo) = { n: 2147483648 }; }',
  ),
  'agg in field': extending3(
    'message O { int32 n = 1; } extend google.protobuf.FieldOptions { O foo = 50000; } message M { int32 a = 1 [(foo) = { n: 1 }, deprecated = true]; }',
  ),
  'agg angle': extending3(
    'message O { int32 n = 1; } extend google.protobuf.FieldOptions { O foo = 50000; } message M { int32 a = 1 [(foo) = < n: 1 >]; }',
  ),
  'sub option then whole': extending3(
    'message O { int32 x = 1; } extend google.protobuf.MessageOptions { O foo = 50000; } message M { option (foo).x = 1; option (foo) = { x: 1 }; }',
  ),
  'whole then sub option': extending3(
    'message O { int32 x = 1; int32 y = 2; } extend google.protobuf.MessageOptions { O foo = 50000; } message M { option (foo) = { x: 1 }; option (foo).y = 1; }',
  ),
  'sub option of repeated': extending3(
    'message O { int32 x = 1; } extend google.protobuf.MessageOptions { repeated O foo = 50000; } message M { option (foo).x = 1; }',
  ),
  'sub repeated twice': extending3(
    'message O { repeated int32 x = 1; } extend google.protobuf.MessageOptions { O foo = 50000; } message M { option (foo).x = 1; option (foo).x = 2; }',
  ),
  'sub option of scalar': extending3(
    'extend google.protobuf.MessageOptions { int32 foo = 50000; } message M { option (foo).x = 1; }',
  ),
  'same option by two names': extending2(
    'extend google.protobuf.MessageOptions { optional int32 foo = 50000; } message M { option (foo) = 1; option (t.foo) = 2; }',
  ),
  'bare sub option': three('message M { option deprecated.x = 1; }'),
  'features in proto3': three('message M { int32 a = 1 [features.field_presence = EXPLICIT]; }'),
  'bool default text': two('message M { optional bool a = 1 [default = "true"]; }'),
  'enum default lower': two('enum E { A = 1; } message M { optional E e = 1 [default = a]; }'),
  'enum default neg': two('enum E { A = 1; } message M { optional E e = 1 [default = -A]; }'),
  'float default INF': two('message M { optional float a = 1 [default = INF]; }'),
  'enum value opt dup': three('enum E { A = 0 [deprecated = true, deprecated = true]; }'),
  'type of enum value scope': three('enum E { A = 0; } message M { E.A a = 1; }'),
  'type of field name': three('message M { int32 a = 1; a b = 2; }'),
  'service named like method type': three('message A {} service A2 { rpc A(A) returns (A); }'),
  'rpc name clash type': three('message A {} service S { rpc B(A) returns (B); } message B {}'),
  uninterpreted_option: three('message M { option uninterpreted_option = 1; }'),
  'a field of an option that is a group': extending2(
    'extend google.protobuf.MessageOptions { optional group MyGroup = 50000 { optional int32 n = 1; optional group Deep = 2 { optional bool b = 1; } } } message M { option (mygroup).n = 1; optional int32 a = 1; }',
  ),
  'a field of a group within one': extending2(
    'extend google.protobuf.MessageOptions { optional group MyGroup = 50000 { optional int32 n = 1; optional group Deep = 2 { optional bool b = 1; } } } message M { option (t.mygroup).deep.b = true; optional int32 a = 1; }',
  ),
  'an option that is a group, in braces': extending2(
    'extend google.protobuf.MessageOptions { optional group MyGroup = 50000 { optional int32 n = 1; optional group Deep = 2 { optional bool b = 1; } } } message M { option (.t.mygroup) = { n: 1 Deep { b: true } }; optional int32 a = 1; }',
  ),
  'an option that is a group by its message’s name': extending2(
    'extend google.protobuf.MessageOptions { optional group MyGroup = 50000 { optional int32 n = 1; optional group Deep = 2 { optional bool b = 1; } } } message M { option (MyGroup).n = 1; optional int32 a = 1; }',
  ),
  'an option that is a group by a name in camelCase': extending2(
    'extend google.protobuf.MessageOptions { optional group MyGroup = 50000 { optional int32 n = 1; optional group Deep = 2 { optional bool b = 1; } } } message M { option (myGroup).n = 1; optional int32 a = 1; }',
  ),
  'a field that an option’s group lacks': extending2(
    'extend google.protobuf.MessageOptions { optional group MyGroup = 50000 { optional int32 n = 1; optional group Deep = 2 { optional bool b = 1; } } } message M { option (mygroup).m = 1; optional int32 a = 1; }',
  ),
  'an option that is a group, twice': extending2(
    'extend google.protobuf.MessageOptions { optional group MyGroup = 50000 { optional int32 n = 1; optional group Deep = 2 { optional bool b = 1; } } } message M { option (mygroup).n = 1; option (t.mygroup).n = 2; optional int32 a = 1; }',
  ),
}
