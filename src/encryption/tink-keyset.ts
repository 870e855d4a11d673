import { SEGMENT_BYTES } from './tink-stream.ts'

/** Tink's JSON form of an unencrypted keyset: `tinkey`, and `JsonKeysetReader` or `parseKeyset` in the libraries. */
export interface TinkKeyset {
  readonly primaryKeyId: number
  readonly key: readonly {
    readonly keyData: { readonly typeUrl: string; readonly value: string; readonly keyMaterialType: 'SYMMETRIC' }
    readonly status: 'ENABLED'
    readonly keyId: number
    readonly outputPrefixType: 'RAW'
  }[]
}

const TYPE_PREFIX = 'type.googleapis.com/google.crypto.tink.'
const HKDF_HASH_SHA256 = 3
const DERIVED_KEY_BYTES = 32

/** For objects: AesGcmHkdfStreamingKey { params = 2 { ciphertext_segment_size = 1, derived_key_size = 2, hkdf_hash_type = 3 }, key_value = 3 }. */
export function streamingKeyset(keyId: number, key: Uint8Array): TinkKeyset {
  const params = Buffer.concat([number(1, SEGMENT_BYTES), number(2, DERIVED_KEY_BYTES), number(3, HKDF_HASH_SHA256)])
  return keyset(keyId, 'AesGcmHkdfStreamingKey', Buffer.concat([bytes(2, params), bytes(3, key)]))
}

/** For manifests: AesGcmKey { key_value = 3 }. */
export function manifestKeyset(keyId: number, key: Uint8Array): TinkKeyset {
  return keyset(keyId, 'AesGcmKey', bytes(3, key))
}

function keyset(keyId: number, type: string, value: Buffer): TinkKeyset {
  const keyData = {
    typeUrl: TYPE_PREFIX + type,
    value: value.toString('base64'),
    keyMaterialType: 'SYMMETRIC',
  } as const
  return { primaryKeyId: keyId, key: [{ keyData, status: 'ENABLED', keyId, outputPrefixType: 'RAW' }] }
}

// Protocol buffers' wire format, as far as two messages need it: (field << 3 | type), then a varint or counted bytes.
function number(field: number, value: number): Buffer {
  return Buffer.from([field << 3, ...varint(value)])
}

function bytes(field: number, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(value.length)]), value])
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)]
}
