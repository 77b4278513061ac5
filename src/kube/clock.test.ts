import { describe, expect, it } from 'vitest';
import { microTime, sleep, startDeadline, systemClock } from './clock.ts';
import { FakeClock, settle } from './testing/fake-clock.ts';

describe('sleep', () => {
  it('ends when the time has passed, and leaves no listener', async () => {
    const clock = new FakeClock();
    const signal = new AbortController().signal;
    let listeners = 0;
    signal.addEventListener = (...args: Parameters<AbortSignal['addEventListener']>) => {
      listeners += 1;
      AbortSignal.prototype.addEventListener.apply(signal, args);
    };
    signal.removeEventListener = () => (listeners -= 1);
    const slept = sleep(clock, 100, signal);
    expect(listeners).toBe(1);
    await clock.advance(100);
    expect(await slept).toBe(true);
    expect(listeners).toBe(0);
  });

  it('ends at once on abort, and leaves no timer', async () => {
    const clock = new FakeClock();
    const abort = new AbortController();
    const slept = sleep(clock, 100, abort.signal);
    expect(clock.timers).toBe(1);
    abort.abort();
    expect(await slept).toBe(false);
    expect(clock.timers).toBe(0);
    expect(await sleep(clock, 100, abort.signal)).toBe(false);
    expect(clock.timers).toBe(0);
  });
});

describe('startDeadline', () => {
  it('aborts when the time is up', async () => {
    const clock = new FakeClock();
    const deadline = startDeadline(clock, 100);
    await clock.advance(99);
    expect(deadline.signal.aborted).toBe(false);
    expect(deadline.remainingMs()).toBe(1);
    await clock.advance(1);
    expect(deadline.signal.aborted).toBe(true);
    expect(deadline.expired).toBe(true);
    expect(deadline.remainingMs()).toBe(0);
  });

  it('aborts with the outer signal and is not expired then, also when time passes afterwards', async () => {
    const clock = new FakeClock();
    const outer = new AbortController();
    const deadline = startDeadline(clock, 100, outer.signal);
    outer.abort(new Error('enough'));
    expect(deadline.signal.reason).toEqual(new Error('enough'));
    await clock.advance(200);
    expect(deadline.expired).toBe(false);
    expect(startDeadline(clock, 100, outer.signal).signal.aborted).toBe(true);
  });

  it('leaves nothing behind when disposed of', async () => {
    const clock = new FakeClock();
    const outer = new AbortController();
    const deadline = startDeadline(clock, 100, outer.signal);
    deadline.dispose();
    outer.abort();
    await settle();
    expect(clock.timers).toBe(0);
    expect(deadline.signal.aborted).toBe(false);
  });
});

it('microTime has six fractional digits', () => {
  expect(microTime(Date.UTC(2026, 1, 3, 4, 5, 6, 78))).toBe('2026-02-03T04:05:06.078000Z');
});

it('the system clock survives delays that setTimeout cannot hold', async () => {
  let fired = false;
  const timer = systemClock.setTimer(() => (fired = true), 1e12);
  await settle();
  timer.cancel();
  expect(fired).toBe(false);
});
