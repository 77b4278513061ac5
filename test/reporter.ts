/** Closing lines of a test run: how much of it ran on the real control plane, and the sum. */
import type { Reporter, TestModule } from 'vitest/node';

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

export class ClosingLines implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const total: Count = { passed: 0, failed: 0, skipped: 0 };
    const real: Count = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'pending') continue;
        total[state] += 1;
        if (module.project.name === 'control-plane') real[state] += 1;
      }
    }
    const { passed, failed } = real;
    console.log(`${passed + failed} tests ran on the real control plane (etcd, kube-apiserver, Percona's operator).`);
    console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  }
}
