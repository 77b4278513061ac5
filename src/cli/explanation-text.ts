import type { Explanation } from './explanation.ts';

/** The explanation for a reader: the chain as a ladder, then what to do. */
export function printExplanation(told: Explanation): string {
  const { namespace, name, ready, chain, evidence, nextStep, alsoFound, unseen } = told;
  const blocks = [
    `DittoServer ${namespace}/${name} is ${ready ? 'ready' : 'not ready'}.`,
    ladder(chain, evidence),
    nextStep === undefined ? '' : `Next step: ${nextStep}`,
    list(
      ready ? 'It is ready, and yet:' : 'Also found:',
      alsoFound.flatMap(({ message, nextStep: step }) => [message, step]),
    ),
    list('Could not be looked at:', unseen),
  ];
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

function ladder(chain: readonly string[], evidence: string | undefined): string {
  const lines = chain.map((sentence, depth) => (depth === 0 ? sentence : `${'   '.repeat(depth - 1)}└─ ${sentence}`));
  const last = chain.at(-1) ?? '';
  // Often the sentence says all that the evidence does.
  if (evidence !== undefined && !last.includes(evidence)) {
    lines.push(`${'   '.repeat(chain.length - 1)}told: ${evidence.trim().replaceAll(/\s*\n\s*/g, ' / ')}`);
  }
  return lines.join('\n');
}

function list(title: string, lines: readonly (string | undefined)[]): string {
  const shown = lines.filter((line) => line !== undefined);
  return shown.length === 0 ? '' : [title, ...shown.map((line) => `  - ${line}`)].join('\n');
}
