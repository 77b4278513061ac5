import { afterEach, describe, expect, it } from 'vitest';
import { Client } from './client.ts';
import type { ElectionEnd, ElectionOptions } from './lease.ts';
import { runElection } from './lease.ts';
import type { Lease } from './lease-record.ts';
import { silentLog } from './log.ts';
import { FakeClock, settle, until } from './testing/fake-clock.ts';
import type { Answer, SeenRequest } from './testing/fake-server.ts';
import { FakeServer, status } from './testing/fake-server.ts';
import { Transport } from './transport.ts';

/** A server that holds one Lease and checks versions as an API server does. */
class LeaseServer {
  lease: Lease | undefined;
  /** Answers instead of the real one, per user agent. */
  readonly faults = new Map<string, Answer>();
  /** Answers are held back until then. */
  slow: Promise<void> | undefined;
  server!: FakeServer;
  #version = 100;

  async start(): Promise<this> {
    this.server = await FakeServer.start((request) => this.#answer(request));
    return this;
  }

  /** Writes as somebody else. */
  write(spec: Lease['spec']): void {
    this.#version += 1;
    const metadata = { namespace: 'ns', name: 'l', uid: 'u', resourceVersion: String(this.#version) };
    this.lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, ...(spec && { spec }) };
  }

  get holder(): string | undefined {
    return this.lease?.spec?.holderIdentity;
  }

  /** Requests by method since the last call. */
  seen(agent: string): string[] {
    const all = this.server.requests.filter(({ headers }) => headers['user-agent'] === agent);
    for (const request of all) this.server.requests.splice(this.server.requests.indexOf(request), 1);
    return all.map(({ method }) => method);
  }

  async #answer({ method, headers, body }: SeenRequest): Promise<Answer> {
    await this.slow;
    const fault = this.faults.get(headers['user-agent'] ?? '');
    if (fault !== undefined) return fault;
    const sent = body as Lease;
    if (method === 'GET') return this.lease ? { body: this.lease } : { status: 404, body: status(404, 'NotFound') };
    if (method === 'POST') {
      if (this.lease) return { status: 409, body: status(409, 'AlreadyExists') };
    } else if (sent.metadata.resourceVersion !== this.lease?.metadata.resourceVersion) {
      return { status: 409, body: status(409, 'Conflict') };
    }
    this.write(sent.spec);
    return { body: this.lease };
  }
}

class Candidate {
  readonly clock = new FakeClock();
  readonly abort = new AbortController();
  readonly log: string[] = [];
  readonly transport: Transport;
  readonly end: Promise<ElectionEnd>;
  /** Ends the work of the leader. */
  finish: (error?: Error) => void = () => undefined;
  /** Whether the work goes on after the signal has aborted. */
  lingers = false;
  ended: ElectionEnd | 'failed' | undefined;

  constructor(name: string, leases: LeaseServer, options: Partial<ElectionOptions> = {}) {
    const config = { server: leases.server.url, authorization: () => undefined, namespace: '' };
    this.transport = new Transport({ config, userAgent: name, clock: this.clock });
    this.end = runElection(
      {
        client: new Client(this.transport, name),
        namespace: 'ns',
        name: 'l',
        identity: name,
        clock: this.clock,
        random: () => 0,
        log: silentLog,
        onLeader: (leader) => this.log.push(`sees ${leader}`),
        lead: (signal) => this.#lead(signal),
        ...options,
      },
      this.abort.signal,
    );
    this.end.then(
      (end) => (this.ended = end),
      () => (this.ended = 'failed'),
    );
    candidates.push(this);
  }

  get leads(): boolean {
    return this.log.at(-1) === 'leads';
  }

  /** Lets one period of waiting pass, with the requests it leads to. */
  async period(ms = 2000): Promise<void> {
    await until('the wait', () => this.clock.delays.includes(ms));
    await this.clock.advance(ms);
    await until('the next wait', () => this.ended !== undefined || this.clock.delays.includes(ms));
  }

  #lead(signal: AbortSignal): Promise<void> {
    this.log.push('leads');
    return new Promise((resolve, reject) => {
      this.finish = (error) => {
        this.log.push('finished');
        if (error) reject(error);
        else resolve();
      };
      signal.addEventListener('abort', () => {
        this.log.push('told to stop');
        if (!this.lingers) this.finish();
      });
    });
  }
}

const candidates: Candidate[] = [];
const servers: LeaseServer[] = [];
afterEach(async () => {
  for (const candidate of candidates.splice(0)) {
    candidate.lingers = false;
    candidate.abort.abort();
    candidate.finish();
    await candidate.end.catch(() => undefined);
    expect(candidate.clock.timers).toBe(0);
    candidate.transport.close();
  }
  for (const { server } of servers.splice(0)) await server.stop();
});

const newServer = async (): Promise<LeaseServer> => {
  const leases = await new LeaseServer().start();
  servers.push(leases);
  return leases;
};

describe('acquiring', () => {
  it('creates the lease and leads', async () => {
    const leases = await newServer();
    const one = new Candidate('one', leases);
    await until('leading', () => one.leads);
    expect(leases.lease?.spec).toMatchObject({ holderIdentity: 'one', leaseDurationSeconds: 15, leaseTransitions: 0 });
    expect(leases.lease?.spec?.renewTime).toMatch(/^2026-01-01T00:00:01\.\d{6}Z$/);
    expect(one.log).toEqual(['sees one', 'leads']);
  });

  it('takes a lease that nobody holds at once', async () => {
    const leases = await newServer();
    leases.write({ holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 4 });
    const one = new Candidate('one', leases);
    await until('leading', () => one.leads);
    expect(leases.lease?.spec?.leaseTransitions).toBe(5);
  });

  it('takes a lease over when it has not changed for its duration on the own clock, whatever its timestamps say', async () => {
    const leases = await newServer();
    // By its timestamps it ran out years ago.
    const spec = { holderIdentity: 'other', leaseDurationSeconds: 15, renewTime: '2001-01-01T00:00:00.000000Z' };
    leases.write({ ...spec, leaseTransitions: 2 });
    const one = new Candidate('one', leases);
    for (let turn = 0; turn < 6; turn += 1) await one.period();
    leases.write({ ...spec, renewTime: '2001-01-01T00:00:02.000000Z', leaseTransitions: 2 });
    // Seen as changed at 14 s: it holds until 29 s.
    for (let turn = 0; turn < 8; turn += 1) await one.period();
    expect(one.log).toEqual(['sees other']);
    await one.period();
    await until('leading', () => one.leads);
    expect(leases.lease?.spec).toMatchObject({ holderIdentity: 'one', leaseTransitions: 3 });
  });

  it('lets one of two win when both see it run out', async () => {
    const leases = await newServer();
    leases.write({ holderIdentity: 'gone', leaseDurationSeconds: 1 });
    const both = [new Candidate('one', leases), new Candidate('two', leases)];
    await Promise.all(both.map((one) => one.period()));
    await settle();
    expect(both.filter(({ leads }) => leads)).toHaveLength(1);
  });

  it('goes on trying when the server fails, and stops when told to', async () => {
    const leases = await newServer();
    leases.faults.set('one', { status: 500 });
    const one = new Candidate('one', leases);
    await one.period();
    leases.faults.set('one', 'hang');
    // The request that hangs is given up after half of the renew deadline.
    await until('the wait', () => one.clock.delays.includes(2000));
    await one.clock.advance(2000);
    await until('the request', () => one.clock.delays.includes(5000));
    await one.clock.advance(5000);
    leases.faults.delete('one');
    await one.period();
    await until('leading', () => one.leads);

    leases.faults.set('two', { status: 500 });
    const two = new Candidate('two', leases);
    await until('the wait', () => two.clock.delays.includes(2000));
    two.abort.abort();
    expect(await two.end).toBe('stopped');
    expect(two.log).toEqual([]);
  });

  it('refuses durations that contradict each other', async () => {
    const leases = await newServer();
    const one = new Candidate('one', leases, { leaseDurationMs: 5000 });
    await expect(one.end).rejects.toThrow('leaseDuration > renewDeadline');
  });
});

describe('leading', () => {
  it('costs one request per period', async () => {
    const leases = await newServer();
    const one = new Candidate('one', leases);
    await until('leading', () => one.leads);
    leases.seen('one');
    for (let turn = 0; turn < 3; turn += 1) await one.period();
    expect(leases.seen('one')).toEqual(['PUT', 'PUT', 'PUT']);
    expect(leases.lease?.spec).toMatchObject({ leaseTransitions: 0, acquireTime: '2026-01-01T00:00:01.000000Z' });
    expect(leases.lease?.spec?.renewTime).toBe('2026-01-01T00:00:07.000000Z');
  });

  it('goes on when the lease was only annotated, or deleted, by somebody', async () => {
    const leases = await newServer();
    const one = new Candidate('one', leases);
    await until('leading', () => one.leads);
    leases.write(leases.lease?.spec);
    leases.seen('one');
    await one.period();
    expect(leases.seen('one')).toEqual(['PUT', 'GET', 'PUT']);
    leases.lease = undefined;
    await one.period();
    expect(leases.seen('one')).toEqual(['PUT', 'GET', 'POST']);
    expect([one.leads, leases.holder]).toEqual([true, 'one']);
  });

  it('survives failures shorter than the renew deadline', async () => {
    const leases = await newServer();
    const one = new Candidate('one', leases);
    await until('leading', () => one.leads);
    leases.faults.set('one', { status: 503 });
    for (let turn = 0; turn < 3; turn += 1) await one.period();
    leases.faults.delete('one');
    for (let turn = 0; turn < 3; turn += 1) await one.period();
    expect(one.leads).toBe(true);
  });

  it('survives one request that hangs', async () => {
    const leases = await newServer();
    const one = new Candidate('one', leases);
    await until('leading', () => one.leads);
    leases.faults.set('one', 'hang');
    await one.clock.advance(2000);
    await until('the request', () => one.clock.delays.includes(5000));
    leases.faults.delete('one');
    // It is given up after 5 s, 7 s after the last renewal: there is time for another before the deadline.
    await one.clock.advance(5000);
    await one.period();
    expect([one.leads, one.ended]).toEqual([true, undefined]);
  });

  it.each<[string, Answer]>([
    ['fails', { status: 503 }],
    ['hangs', 'hang'],
  ])('ends before the lease runs out for others when renewing %s', async (_how, fault) => {
    const leases = await newServer();
    const one = new Candidate('one', leases);
    await until('leading', () => one.leads);
    const renewedAt = one.clock.now();
    leases.faults.set('one', fault);
    while (one.ended === undefined && one.clock.now() < renewedAt + 60_000) {
      await until('a timer', () => one.clock.timers > 0 || one.ended !== undefined);
      // Whatever it waits for: the network answers at once, and only time must pass.
      for (let turn = 0; turn < 20; turn += 1) await settle();
      await one.clock.advance(one.clock.delays[0] ?? 0);
    }
    expect(await one.end).toBe('lost');
    expect(one.clock.now() - renewedAt).toBeLessThanOrEqual(10_000);
    expect(one.log).toEqual(['sees one', 'leads', 'told to stop', 'finished']);
    expect(leases.holder).toBe('one');
  });

  it('counts the deadline from when the last renewal was sent, not from when it was answered', async () => {
    const leases = await newServer();
    const one = new Candidate('one', leases);
    await until('leading', () => one.leads);
    let answer = (): void => undefined;
    leases.slow = new Promise((resolve) => (answer = resolve));
    await one.clock.advance(2000);
    const sentAt = one.clock.now();
    await until('the request', () => one.clock.delays.includes(5000));
    await one.clock.advance(4000);
    answer();
    await until('the wait', () => one.clock.delays.includes(2000));
    leases.faults.set('one', { status: 503 });
    for (let turn = 0; turn < 3; turn += 1) await one.period();
    expect(one.ended).toBe('lost');
    expect(one.clock.now() - sentAt).toBe(10_000);
  });

  it('ends at once when somebody else has taken the lease', async () => {
    const leases = await newServer();
    const one = new Candidate('one', leases);
    await until('leading', () => one.leads);
    leases.write({ holderIdentity: 'thief', leaseDurationSeconds: 15 });
    await one.clock.advance(2000);
    expect(await one.end).toBe('lost');
    expect(leases.holder).toBe('thief');
    expect(one.log).toEqual(['sees one', 'leads', 'sees thief', 'told to stop', 'finished']);
  });
});

describe('stopping', () => {
  it('just when the lease was acquired gives it back without leading', async () => {
    const leases = await newServer();
    const one: Candidate = new Candidate('one', leases, { onLeader: () => one.abort.abort() });
    expect(await one.end).toBe('stopped');
    expect([one.log, leases.holder]).toEqual([[], '']);
  });

  it('gives the lease back only after the work has ended, and renews it until then', async () => {
    const leases = await newServer();
    const one = new Candidate('one', leases);
    one.lingers = true;
    await until('leading', () => one.leads);
    one.abort.abort();
    await settle();
    leases.seen('one');
    for (let turn = 0; turn < 10; turn += 1) await one.period();
    expect(leases.seen('one')).toHaveLength(10);
    expect(leases.holder).toBe('one');
    one.finish();
    expect(await one.end).toBe('stopped');
    expect(leases.lease?.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 0 });
    const two = new Candidate('two', leases);
    await until('the next leader', () => two.leads);
    expect(leases.lease?.spec?.leaseTransitions).toBe(1);
  });

  it('does not fail or wait long when the lease cannot be given back', async () => {
    const leases = await newServer();
    const one = new Candidate('one', leases);
    await until('leading', () => one.leads);
    leases.faults.set('one', 'hang');
    one.abort.abort();
    await until('the request', () => one.clock.delays.includes(5000));
    await one.clock.advance(5000);
    expect(await one.end).toBe('stopped');
  });

  it('gives the lease back and fails when the work fails, also while a renewal hangs', async () => {
    const leases = await newServer();
    const one = new Candidate('one', leases);
    await until('leading', () => one.leads);
    leases.faults.set('one', 'hang');
    await one.clock.advance(2000);
    await until('the request', () => leases.server.requests.length >= 3);
    leases.faults.delete('one');
    one.finish(new Error('the work is broken'));
    await expect(one.end).rejects.toThrow('the work is broken');
    expect(leases.holder).toBe('');
  });
});
