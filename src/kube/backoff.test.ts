import { expect, it } from 'vitest';
import { Backoff } from './backoff.ts';

it('doubles up to the maximum, with jitter in the upper half', () => {
  const highest = new Backoff({ random: () => 1 });
  const lowest = new Backoff({ random: () => 0 });
  expect(Array.from({ length: 8 }, () => highest.next())).toEqual([800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]);
  expect(Array.from({ length: 8 }, () => lowest.next())).toEqual([400, 800, 1600, 3200, 6400, 12800, 15000, 15000]);
});

it('starts again after a reset, and never overflows', () => {
  const backoff = new Backoff({ random: () => 1 });
  for (let failure = 0; failure < 5000; failure += 1) expect(backoff.next()).toBeLessThanOrEqual(30000);
  expect(backoff.failures).toBe(5000);
  backoff.reset();
  expect(backoff.next()).toBe(800);
});
