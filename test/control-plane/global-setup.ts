import { ensureBinaries, ensurePerconaOperator } from './binaries.ts';

/** For vitest: builds the real Kubernetes and Percona's operator before the first test, and says so while it lasts. */
export async function setup(): Promise<void> {
  const progress = (line: string) => void process.stderr.write(`control plane: ${line}\n`);
  await ensureBinaries({ progress });
  await ensurePerconaOperator({ progress });
}
