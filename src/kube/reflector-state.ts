import type { ApiError, ConnectionError } from './errors.ts';

/**
 * - `starting`: nothing is known yet.
 * - `synced`: the cache holds everything and is being kept up to date.
 * - `absent`: the API server does not serve the resource (its CRD is not installed); the cache is empty.
 * - `failing`: the last attempt failed and is being repeated; the cache holds what was last known.
 */
export type ReflectorState =
  | { kind: 'starting' }
  | { kind: 'synced' }
  | { kind: 'absent' }
  | { kind: 'failing'; error: ApiError | ConnectionError | Error };

/** Holds the state of a reflector and tells of its changes. */
export class StateHolder {
  readonly #onState: ((state: ReflectorState) => void) | undefined;
  readonly #waiting = new Set<() => void>();
  #state: ReflectorState = { kind: 'starting' };

  /** @param onState called after each change; must not throw */
  constructor(onState: ((state: ReflectorState) => void) | undefined) {
    this.#onState = onState;
  }

  get(): ReflectorState {
    return this.#state;
  }

  /** `failing` is told each time, for its error; the others only when they are new. */
  set(state: ReflectorState): void {
    const before = this.#state;
    this.#state = state;
    for (const wake of [...this.#waiting]) wake();
    if (before.kind !== state.kind || state.kind === 'failing') this.#onState?.(state);
  }

  /** Resolves with the state as soon as it is another than `starting`, or when the signal aborts. */
  async settled(signal: AbortSignal): Promise<ReflectorState> {
    if (this.#state.kind === 'starting' && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiting.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    }
    return this.#state;
  }
}
