import { readFileSync } from 'node:fs';

/** The operator's version: fixed by the build, or in a checkout what package.json says. */
export function operatorVersion(): string {
  return process.env.DITTOFS_OPERATOR_VERSION ?? checkoutVersion();
}

function checkoutVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
