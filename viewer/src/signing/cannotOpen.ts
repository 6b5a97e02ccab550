/** Why a file with a key cannot be used; the words are `ownKey.cannot` in the language files. */
export type OpenFault =
  | 'notPkcs12'
  | 'wrongPassphrase'
  | 'unknownEncryption'
  | 'noKey'
  | 'severalKeys'
  | 'noCertificate'
  | 'sm2'
  | 'unknownKey'
  | 'insecurePage';

export class CannotOpen extends Error {
  readonly fault: OpenFault;

  constructor(fault: OpenFault) {
    super(fault);
    this.name = 'CannotOpen';
    this.fault = fault;
  }
}
