// calls.proto for Connect, as protoc-gen-es makes it, without the option of Qbp's.

import { fileDesc, serviceDesc } from '@bufbuild/protobuf/codegenv2'

const file = fileDesc(
  'CgtjYWxscy5wcm90bxIFYmVuY2giZAoIUXVlc3Rpb24SDgoCaWQYASABKA1SAmlkEhoKCGRpdmlkZW5kGAIgASgBUghkaXZpZGVuZBIYCgdkaXZpc29yGAMgASgBUgdkaXZpc29yEhIKBG5vdGUYBCABKAlSBG5vdGUiQgoGQW5zd2VyEg4KAmlkGAEgASgNUgJpZBIUCgV2YWx1ZRgCIAEoAVIFdmFsdWUSEgoEbm90ZRgDIAEoCVIEbm90ZTJbCgVDYWxscxIoCgZEaXZpZGUSDy5iZW5jaC5RdWVzdGlvbhoNLmJlbmNoLkFuc3dlchIoCgRMaXN0Eg8uYmVuY2guUXVlc3Rpb24aDS5iZW5jaC5BbnN3ZXIwAWIGcHJvdG8z',
)

export const Calls = serviceDesc(file, 0)
