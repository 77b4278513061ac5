import { describe, expect, it } from 'vitest';
import { transitionCases, validCases } from '../../test/api/rule-cases.ts';
import { applyDefaults } from './apply-defaults.ts';
import { compile } from './cel.ts';
import { rules, validations } from './rules.ts';
import { schemaTree, type SchemaNode } from './structure.ts';
import { checkRules } from './validate.ts';

function ids(problems: ReturnType<typeof checkRules>): (string | undefined)[] {
  return problems.map(({ rule }) => rule);
}

describe('rules', () => {
  it.each(validCases)('$rule', ({ rule, accepted, refused }) => {
    for (const object of accepted) {
      expect(ids(checkRules(applyDefaults(object))), JSON.stringify(object)).toEqual([]);
      // The rules do not depend on the API server having filled in defaults.
      expect(ids(checkRules(object)), JSON.stringify(object)).toEqual([]);
    }
    for (const object of refused) {
      expect(ids(checkRules(applyDefaults(object))), JSON.stringify(object)).toContain(rule);
    }
  });

  it.each(transitionCases)('$rule', ({ rule, accepted, refused }) => {
    for (const [old, now] of accepted) {
      expect(checkRules(applyDefaults(now), applyDefaults(old)), JSON.stringify([old, now])).toEqual([]);
    }
    for (const [old, now] of refused) {
      expect(ids(checkRules(applyDefaults(now), applyDefaults(old))), JSON.stringify([old, now])).toContain(rule);
    }
  });

  it('has a case for each rule, and a rule for each case', () => {
    const tested = [...validCases, ...transitionCases].map(({ rule }) => rule).sort();
    expect(tested).toEqual(rules.map(({ id }) => id).sort());
  });

  it('names each rule once', () => {
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
  });

  it('has messages that compile, and that name the field', () => {
    for (const { id, fieldPath, message, messageExpression } of rules) {
      expect(message, id).toContain(fieldPath);
      if (messageExpression === undefined) continue;
      expect(messageExpression, id).toContain(fieldPath);
      expect(() => compile(messageExpression), id).not.toThrow();
    }
  });

  it('points at fields that exist', () => {
    const exists = (path: string): boolean => {
      let node: SchemaNode | undefined = schemaTree();
      for (const step of path.split('.')) node = node?.properties?.[step];
      return node !== undefined;
    };
    expect(rules.map(({ fieldPath }) => fieldPath).filter((path) => !exists(path))).toEqual([]);
  });

  it('reads the object as it was only in statements on updates', () => {
    for (const rule of rules) expect(rule.cel.includes('oldSelf'), rule.id).toBe(rule.kind === 'transition');
  });

  it('turns a statement on one object into a check at creation and one at updates', () => {
    const [atCreation, atUpdate, ...more] = validations({
      id: 'x',
      kind: 'valid',
      fieldPath: 'spec.image',
      cel: "self.spec.image != ''",
      message: 'no',
    });
    expect(atCreation?.rule).toBe("has(self.status) || (self.spec.image != '')");
    expect(atUpdate?.rule).toBe("(self.spec.image != '') || !(oldSelf.spec.image != '')");
    expect(more).toEqual([]);
  });
});
