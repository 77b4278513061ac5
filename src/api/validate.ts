/**
 * The rules of the CustomResourceDefinition, run here: by the operator, for objects that were stored before a rule
 * existed, and by `render`, which has no API server. Their texts are the same; tests compare the verdicts.
 */
import { compile } from './cel.ts';
import { rules, type Rule } from './rules.ts';

/** Something wrong with an object, in words for the one who wrote it. */
export interface FieldProblem {
  /** The field's path from the root: `spec.percona.storageSize`; empty for the whole object. */
  path: string;
  value?: unknown;
  message: string;
  /** Id of the rule that does not hold, if it is one. */
  rule?: string;
}

interface CompiledRule {
  rule: Rule;
  holds: (self: unknown, oldSelf: unknown) => boolean;
  explain: (self: unknown, oldSelf: unknown) => string;
}

let compiled: readonly CompiledRule[] | undefined;

function compileRule(rule: Rule): CompiledRule {
  const condition = compile(rule.cel);
  return {
    rule,
    // A condition is total on what the schema accepts. If one fails all the same, it counts as broken, as it does
    // for the API server.
    holds: (self, oldSelf) => attempt(() => condition({ self, oldSelf })) === true,
    explain: (self, oldSelf) => {
      const expression = rule.messageExpression;
      if (expression === undefined) return rule.message;
      // Compiled when it is needed: most rules are never broken.
      const text = attempt(() => compile(expression)({ self, oldSelf }));
      return typeof text === 'string' && canBeShown(text) ? text : rule.message;
    },
  };
}

/** The API server shows no message of several lines or above this size, and falls back to the plain one. */
const LONGEST_MESSAGE = 5 * 1024;

function canBeShown(text: string): boolean {
  return !text.includes('\n') && new TextEncoder().encode(text).length <= LONGEST_MESSAGE;
}

function attempt(run: () => unknown): unknown {
  try {
    return run();
  } catch {
    return undefined;
  }
}

/**
 * Runs every rule.
 *
 * Without `old`, the question is whether the object as it stands is right. With `old`, it is whether the API server
 * would take the update: what was wrong before may stay wrong.
 *
 * @param object a DittoServer that the schema accepts, with or without defaults.
 * @param old what it was before.
 * @returns what is wrong, in the order of the rules.
 */
export function checkRules(object: unknown, old?: unknown): FieldProblem[] {
  compiled ??= rules.map(compileRule);
  const self = withIntegers(object);
  const oldSelf = old === undefined ? undefined : withIntegers(old);
  return compiled
    .filter(({ rule, holds }) => {
      if (rule.kind === 'transition') return oldSelf !== undefined && !holds(self, oldSelf);
      if (holds(self, oldSelf)) return false;
      return oldSelf === undefined || holds(oldSelf, undefined) || !(hasStatus(self) || hasStatus(oldSelf));
    })
    .map(({ rule, explain }) => problem(rule, object, explain(self, oldSelf)));
}

function problem(rule: Rule, object: unknown, message: string): FieldProblem {
  const value = valueAt(object, rule.fieldPath);
  return { path: rule.fieldPath, ...(value === undefined ? {} : { value }), message, rule: rule.id };
}

function hasStatus(object: unknown): boolean {
  return isRecord(object) && object['status'] !== undefined;
}

/** CEL tells integers from doubles, JSON does not: the schema has no doubles, so every number is an integer. */
function withIntegers(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(withIntegers);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withIntegers(inner)]));
}

function valueAt(object: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, step) => (isRecord(at) ? at[step] : undefined), object);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
