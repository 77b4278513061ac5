import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LineSplitter } from './lines.ts';

it('gives the same lines however the bytes are cut, also inside a character', () => {
  const line = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/[\n\r\ud800-\udfff]/u.test(text));
  const cuts = fc.array(fc.nat(), { maxLength: 20 });
  fc.assert(
    fc.property(fc.array(line), cuts, fc.boolean(), (lines, places, ended) => {
      const bytes = Buffer.from(lines.join('\n') + (ended && lines.length > 0 ? '\n' : ''));
      const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort(
        (one, other) => one - other,
      );
      const splitter = new LineSplitter();
      const got: string[] = [];
      let start = 0;
      for (const end of ends) {
        got.push(...splitter.push(bytes.subarray(start, end)));
        start = end;
      }
      const rest = splitter.rest();
      expect(rest === '' ? got : [...got, rest]).toEqual(lines);
    }),
  );
});

it('leaves out empty lines and carriage returns', () => {
  expect(new LineSplitter().push(Buffer.from('a\r\n\r\n\nb\n'))).toEqual(['a', 'b']);
});

it('does not gather a line without end', () => {
  const splitter = new LineSplitter();
  const chunk = Buffer.alloc(8 * 1024 * 1024, 0x61);
  expect(() => Array.from({ length: 5 }, () => splitter.push(chunk))).toThrow('longer than');
});
