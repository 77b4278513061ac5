/**
 * The rules that no plain schema can state, once: the API server runs these texts, and so do `render` and the operator.
 *
 * A rule added later must not lock the objects that were stored before it: their status has to stay writable, their
 * finalizers removable, their other fields editable, also on Kubernetes 1.29, which knows neither ratcheting nor
 * `optionalOldSelf`. So every statement on one object is checked twice, at the root of the schema, where the status
 * is in sight:
 *
 * 1. `has(self.status) || COND`: at creation, when an object never has a status, and until the operator writes one.
 * 2. `COND || !COND(oldSelf)`: on every update; what was right may not become wrong, what was wrong may stay so.
 *
 * Statements on transitions read `oldSelf` themselves and are checked as they are.
 */
import type { Rule } from './rule-parts.ts';
import { identityRules } from './rules-identity.ts';
import { perconaRules } from './rules-percona.ts';
import { serverRules } from './rules-server.ts';

export type { Rule } from './rule-parts.ts';

/** Every rule. */
export const rules: readonly Rule[] = [...serverRules, ...perconaRules, ...identityRules];

/** An entry of `x-kubernetes-validations`. */
export interface Validation {
  rule: string;
  fieldPath: string;
  message: string;
  messageExpression?: string;
}

/** The same text about the object as it was. */
export function onOld(cel: string): string {
  return cel.replaceAll(/\bself\./g, 'oldSelf.');
}

/** The rule as the API server runs it. */
export function validations(rule: Rule): Validation[] {
  const { message, messageExpression } = rule;
  const rest = {
    fieldPath: `.${rule.fieldPath}`,
    message,
    ...(messageExpression === undefined ? {} : { messageExpression }),
  };
  if (rule.kind === 'transition') return [{ rule: rule.cel, ...rest }];
  return [
    { rule: `has(self.status) || (${rule.cel})`, ...rest },
    { rule: `(${rule.cel}) || !(${onOld(rule.cel)})`, ...rest },
  ];
}
