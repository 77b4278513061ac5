/** Follows one DittoServer: its conditions and the events around it, as they come. */
import type { Condition, DittoServer } from '../../src/api/types.ts';
import { CONDITION_TYPES } from '../../src/status/reasons.ts';
import { DITTO_SERVERS } from '../../src/controller/resources.ts';
import { Cache } from '../../src/kube/cache.ts';
import { events as EVENTS } from '../../src/kube/events.ts';
import { silentLog } from '../../src/kube/log.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { Reflector } from '../../src/kube/reflector.ts';
import type { Cluster } from './cluster.ts';
import type { Screen } from './screen.ts';

interface Event extends KubeObject {
  type?: string;
  reason?: string;
  note?: string;
  regarding?: { kind?: string; name?: string };
}

/** Whose events are told; of everything else only warnings. */
const TOLD: ReadonlySet<string> = new Set(['DittoServer', 'PerconaPGCluster', 'PostgresCluster']);
/** The conditions that are always shown; of the others only those that are bad news. */
const SHOWN: ReadonlySet<string> = new Set(['Ready', 'DatabaseReady']);
const BAD_WHEN_TRUE: ReadonlySet<string> = new Set(['Stalled']);
const HIDDEN: ReadonlySet<string> = new Set(['Reconciling', 'Progressing', 'Available']);

export class Follower {
  readonly #screen: Screen;
  readonly #started = performance.now();
  readonly #told = new Map<string, string>();
  readonly #clock: NodeJS.Timeout;
  #server: DittoServer | undefined;

  /** Starts; ends with the signal. */
  constructor(
    cluster: Cluster,
    screen: Screen,
    { namespace, name }: { namespace: string; name: string },
    signal: AbortSignal,
  ) {
    this.#screen = screen;
    const { client, transport } = cluster;
    const common = { client, transport, log: silentLog, namespace };
    const servers = new Cache<DittoServer>({ project: (object) => object as unknown as DittoServer });
    servers.subscribe((event) => {
      if (event.type !== 'deleted' && event.after.name === name) this.#status(event.after.value);
    });
    const events = new Cache<Event>({ project: (object) => object });
    events.subscribe((event) => {
      if (event.type === 'added') this.#event(event.after.value);
    });
    void new Reflector({ ...common, resource: DITTO_SERVERS, cache: servers }).run(signal);
    void new Reflector({ ...common, resource: EVENTS, cache: events }).run(signal);
    this.#clock = setInterval(() => this.#draw(), 1_000);
    signal.addEventListener('abort', () => this.#end(), { once: true });
  }

  /** The server as last seen. */
  get server(): DittoServer | undefined {
    return this.#server;
  }

  /** Its condition of that type. */
  condition(type: string): Condition | undefined {
    return this.#server?.status?.conditions?.find((condition) => condition.type === type);
  }

  #status(server: DittoServer): void {
    this.#server = server;
    for (const news of grouped(shown(server).filter((condition) => this.#isNews(condition)))) {
      const [{ status, reason, message }] = news;
      const types = news.map(({ type }) => type).join(' and ');
      this.#line(this.#mark(news[0]), `${types} ${news.length > 1 ? 'are' : 'is'} ${status}: ${reason}. ${message}`);
    }
    this.#draw();
  }

  #isNews({ type, ...said }: Condition): boolean {
    const text = sayings(said);
    const known = this.#told.get(type) === text;
    this.#told.set(type, text);
    return !known;
  }

  #event({ type = 'Normal', reason = '', note = '', regarding }: Event): void {
    const { kind = '', name = '' } = regarding ?? {};
    if (type === 'Normal' && !TOLD.has(kind)) return;
    const mark = type === 'Normal' ? this.#screen.style('cyan', '•') : this.#screen.style('yellow', '!');
    const [first = ''] = note.split('\n');
    this.#line(mark, `${type === 'Normal' ? 'event' : 'warning'} on ${kind}/${name}: ${reason}. ${first}`);
  }

  #line(mark: string, text: string): void {
    const [first = '', ...rest] = this.#screen.wrap(text, 0).slice(0, 4);
    const time = this.#screen.style('dim', `${this.#seconds(1).padStart(6)} s`);
    this.#screen.say([`${time} ${mark} ${first}`, ...rest.map((line) => `           ${line}`)].join('\n'));
  }

  #mark({ type, status }: Condition): string {
    const screen = this.#screen;
    if (BAD_WHEN_TRUE.has(type)) return screen.style('red', '✗');
    return status === 'True' ? screen.style('green', '✓') : screen.style('yellow', '…');
  }

  #draw(): void {
    if (!this.#server || !this.#screen.isTerminal) return;
    const { metadata, status } = this.#server;
    const title = `DittoServer ${metadata.namespace}/${metadata.name}   ${status?.phase ?? 'new'}   ${this.#seconds(0)} s`;
    this.#screen.block([
      '',
      this.#screen.style('bold', title),
      ...shown(this.#server).map((condition) => {
        const { type, status: holds, reason } = condition;
        return `  ${this.#mark(condition)} ${type.padEnd(14)} ${holds.padEnd(8)} ${reason}`;
      }),
    ]);
  }

  #seconds(digits: number): string {
    return ((performance.now() - this.#started) / 1000).toFixed(digits);
  }

  #end(): void {
    clearInterval(this.#clock);
    this.#screen.block([]);
  }
}

function shown({ status }: DittoServer): Condition[] {
  const conditions = status?.conditions ?? [];
  const bad = ({ type, status: holds }: Condition) => (BAD_WHEN_TRUE.has(type) ? holds === 'True' : holds !== 'True');
  const order: readonly string[] = CONDITION_TYPES;
  return conditions
    .filter((condition) => SHOWN.has(condition.type) || (!HIDDEN.has(condition.type) && bad(condition)))
    .sort((one, other) => order.indexOf(one.type) - order.indexOf(other.type));
}

/** What a condition says, without its name: Ready repeats what it waits for. */
function sayings({ status, reason, message }: Pick<Condition, 'status' | 'reason' | 'message'>): string {
  return [status, reason, message].join('\n');
}

/** Conditions that say the same are told in one line. */
function grouped(conditions: readonly Condition[]): [Condition, ...Condition[]][] {
  return [...Map.groupBy(conditions, sayings).values()] as [Condition, ...Condition[]][];
}
