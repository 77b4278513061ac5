import { describe, expect, it } from 'vitest';
import { parseQuantity } from './quantity.ts';

const NANO = 10n ** 9n;

describe('parseQuantity', () => {
  it.each([
    ['0', 0n],
    ['1', NANO],
    ['+1', NANO],
    ['-1', -NANO],
    ['1.', NANO],
    ['.5', NANO / 2n],
    ['007', 7n * NANO],
    ['1k', 1000n * NANO],
    ['1Ki', 1024n * NANO],
    ['1.5Gi', 1610612736n * NANO],
    ['10G', 10n * 10n ** 9n * NANO],
    ['1e3', 1000n * NANO],
    ['1E3', 1000n * NANO],
    ['1E', 10n ** 18n * NANO],
    ['1e-3', NANO / 1000n],
    ['100m', NANO / 10n],
    ['5n', 5n],
    // Less than a billionth counts as one billionth: who asks for something gets something.
    ['0.1n', 1n],
    ['1e-30', 1n],
    ['16Ei', (2n ** 63n - 1n) * NANO],
  ])('reads %s', (text, nano) => {
    expect(parseQuantity(text)?.nano).toBe(nano);
  });

  it.each(['', ' ', '1 Gi', 'Gi', '1GB', '1gi', '0x10', '1,5', '--1', '1e', '1ee3', '٣'])('refuses %s', (text) => {
    expect(parseQuantity(text)).toBeUndefined();
  });
});
