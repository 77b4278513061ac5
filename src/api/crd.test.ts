import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { crd, printCrd } from './crd.ts';
import { printReference } from './reference.ts';
import { rules } from './rules.ts';

describe('the CRD', () => {
  it('is plain data, and the same when printed', () => {
    expect(parse(printCrd())).toEqual(crd());
  });

  it('fits the annotation that kubectl apply keeps of an object', () => {
    expect(JSON.stringify(crd()).length).toBeLessThan(262_144 * 0.8);
  });
});

describe('the reference', () => {
  const page = printReference();

  it('has a section for each object', () => {
    const sections = page.match(/^## .*$/gm);
    expect(sections).toContain('## `spec.percona.backup`');
    expect(sections).toContain('## `spec.snapshotPolicies[]`');
    expect(sections).toContain('## `status`');
  });

  it('tells every rule', () => {
    const missing = rules
      .filter(({ id }) => id !== 'spec-present')
      .filter(({ fieldPath, message }) => {
        const rest = message.replace(`${fieldPath} `, '').slice(1).replaceAll('|', '\\|');
        return !page.includes(rest);
      });
    expect(missing.map(({ id }) => id)).toEqual([]);
  });

  it('links only to sections that exist', () => {
    const anchors = [...page.matchAll(/^## `(.*)`$/gm)].map(([, path = '']) =>
      path.toLowerCase().replaceAll(/[^a-z0-9]/g, ''),
    );
    const links = [...page.matchAll(/\]\(#(.*?)\)/g)].map(([, target = '']) => target);
    expect(links.filter((link) => !anchors.includes(link))).toEqual([]);
    expect(links.length).toBeGreaterThan(10);
  });

  it('says which fields do nothing', () => {
    expect(page).toMatch(/`issuer`.*\*\*No effect:\*\*/);
  });
});
