import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Answer, Routes } from './http-server.ts';

/** Whether the program is in a state to do its work, and what is amiss. */
export interface ReadinessReport {
  ready: boolean;
  problems: readonly string[];
}

/**
 * The health checks of a pod: `/healthz` answers when the event loop turns, `/readyz` says what `readiness` says. A loss
 * of the API server makes the pod unready and not unhealthy: a restart would cure nothing.
 */
export function healthRoutes(readiness: () => ReadinessReport): Routes {
  return {
    '/healthz': alive,
    '/readyz': () => readyAnswer(readiness()),
  };
}

async function alive(): Promise<Answer> {
  // The answer comes a whole turn later: a loop that is stuck in microtasks gives none.
  await nextTurn();
  return { status: 200, body: 'ok\n' };
}

function readyAnswer({ ready, problems }: ReadinessReport): Answer {
  if (ready) return { status: 200, body: 'ok\n' };
  return { status: 503, body: problems.map((problem) => `${problem}\n`).join('') };
}
