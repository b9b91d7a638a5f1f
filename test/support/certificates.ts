import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

/**
 * X.509 certificates for tests. Node reads certificates and cannot issue them, but it has keys, their encoding and
 * signatures, and what is left of a certificate is the few lines of DER below: no tool or package is needed.
 */
interface KeyPair {
  /** PEM */
  readonly cert: string;
  /** PEM */
  readonly key: string;
}

interface CertificateAuthority {
  /** The authority's own certificate, PEM. */
  readonly ca: string;
  /** A certificate for `localhost` and 127.0.0.1, or for the host names given, good for servers and clients. */
  issue(commonName: string, hosts?: readonly string[]): KeyPair;
}

const OID = {
  commonName: '550403',
  ecdsaWithSha256: '2a8648ce3d040302',
  basicConstraints: '551d13',
  subjectKeyIdentifier: '551d0e',
  authorityKeyIdentifier: '551d23',
  subjectAlternativeName: '551d11',
} as const;

export function createAuthority(name = 'Test authority'): CertificateAuthority {
  const own = newKeys();
  const keyId = keyIdOf(own.publicKey);
  const certify = (subject: string, publicKey: KeyObject, extensions: Buffer[]): string => {
    const tbs = sequence(
      der(0xa0, integer(Buffer.from([2]))),
      integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
      sequence(oid(OID.ecdsaWithSha256)),
      nameOf(name),
      sequence(utcTime(-1), utcTime(1)),
      nameOf(subject),
      publicKey.export({ type: 'spki', format: 'der' }),
      der(0xa3, sequence(...extensions, extension(OID.authorityKeyIdentifier, sequence(der(0x80, keyId))))),
    );
    const signature = sign('sha256', tbs, own.privateKey);
    return pem(sequence(tbs, sequence(oid(OID.ecdsaWithSha256)), bitString(signature)));
  };
  return {
    ca: certify(name, own.publicKey, [
      extension(OID.basicConstraints, sequence(der(0x01, Buffer.from([0xff]))), { critical: true }),
      extension(OID.subjectKeyIdentifier, der(0x04, keyId)),
    ]),
    issue(commonName, hosts = ['localhost', '127.0.0.1']) {
      const keys = newKeys();
      const cert = certify(commonName, keys.publicKey, [
        extension(OID.subjectAlternativeName, sequence(...hosts.map(alternativeName))),
      ]);
      return { cert, key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
    },
  };
}

function newKeys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function keyIdOf(publicKey: KeyObject): Buffer {
  return createHash('sha1')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest();
}

function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  let head = [tag, length];
  if (length > 0xff) head = [tag, 0x82, length >> 8, length & 0xff];
  else if (length > 0x7f) head = [tag, 0x81, length];
  return Buffer.concat([Buffer.from(head), content]);
}

function sequence(...contents: Buffer[]): Buffer {
  return der(0x30, ...contents);
}

/** Of bytes whose first bit is clear: the numbers here are positive. */
function integer(bytes: Buffer): Buffer {
  return der(0x02, bytes);
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function bitString(bytes: Buffer): Buffer {
  return der(0x03, Buffer.from([0]), bytes);
}

function nameOf(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid(OID.commonName), der(0x0c, Buffer.from(commonName)))));
}

function utcTime(daysFromNow: number): Buffer {
  const time = new Date(Date.now() + daysFromNow * 86_400_000).toISOString();
  return der(0x17, Buffer.from(`${time.slice(2, 19).replace(/[-T:]/g, '')}Z`));
}

function extension(id: string, value: Buffer, { critical = false } = {}): Buffer {
  const mark = critical ? [der(0x01, Buffer.from([0xff]))] : [];
  return sequence(oid(id), ...mark, der(0x04, value));
}

function alternativeName(host: string): Buffer {
  if (/^[\d.]+$/.test(host)) return der(0x87, Buffer.from(host.split('.').map(Number)));
  return der(0x82, Buffer.from(host));
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
