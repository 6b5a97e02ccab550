/** What of node-forge is used here: ASN.1, digests, and the encryption of PKCS#12. Bytes are strings of characters 0 to 255. */
declare module 'node-forge/lib/forge' {
  export interface Buffer {
    bytes(): string;
    getBytes(): string;
  }
  export interface Asn1 {
    tagClass: number;
    type: number;
    constructed: boolean;
    value: string | Asn1[];
  }
  export interface Digest {
    digestLength: number;
  }
  interface Forge {
    asn1: {
      Class: { UNIVERSAL: number; CONTEXT_SPECIFIC: number };
      Type: { OID: number; OCTETSTRING: number; SEQUENCE: number; SET: number; INTEGER: number; NULL: number };
      fromDer(bytes: string, options: { strict: boolean; decodeBitStrings: boolean }): Asn1;
      toDer(value: Asn1): Buffer;
      derToOid(bytes: string): string;
    };
    md: Record<'sha1' | 'sha256' | 'sha384' | 'sha512', { create(): Digest }>;
    hmac: { create(): { start(digest: Digest, key: Buffer | string): void; update(bytes: string): void; digest(): Buffer } };
    pki: {
      pbe: {
        generatePkcs12Key(password: string, salt: Buffer, id: number, iterations: number, bytes: number, digest: Digest): Buffer;
        /** @throws when the algorithm is not known. */
        getCipher(oid: string, parameters: Asn1, password: string): { update(bytes: Buffer): void; finish(): boolean; output: Buffer };
      };
    };
    util: { createBuffer(bytes: string): Buffer; encodeUtf8(text: string): string };
  }
  const forge: Forge;
  export default forge;
}
declare module 'node-forge/lib/hmac';
declare module 'node-forge/lib/pbe';
declare module 'node-forge/lib/sha512';
