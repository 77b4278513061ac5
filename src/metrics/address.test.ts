import { describe, expect, it } from 'vitest';
import { parseAddress, printAddress } from './address.ts';

describe('addresses', () => {
  it.each([
    [':8080', { port: 8080 }],
    [':0', { port: 0 }],
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
    ['localhost:65535', { host: 'localhost', port: 65535 }],
    ['[::1]:8080', { host: '::1', port: 8080 }],
  ])('reads %s', (text, expected) => {
    expect(parseAddress(text)).toEqual(expected);
    expect(printAddress(expected)).toBe(text);
  });

  it('takes 0 for none', () => {
    expect(parseAddress('0')).toBeUndefined();
  });

  it.each(['', '8080', 'host', ':', ':x', ':65536', '::1:8080', '[::1]', 'a b:1', 'http://x:1'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseAddress(text)).toThrow('Give HOST:PORT');
    },
  );
});
