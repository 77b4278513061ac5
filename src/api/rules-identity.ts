/** Rules on identity, and on every reference to a key of a Secret. */
import {
  DNS_SUBDOMAIN,
  durationRule,
  given,
  has,
  matches,
  on,
  quoted,
  SECRET_KEY,
  when,
  wrongText,
  type Rule,
} from './rule-parts.ts';

/** References whose `name` and `key` are both used. Without a name they count as not set, as they always have. */
const SECRET_KEY_REFS = [
  'spec.identity.jwt.secretRef',
  'spec.identity.admin.passwordSecretRef',
  'spec.identity.ldap.bindPasswordSecretRef',
  'spec.identity.kerberos.keytabSecretRef',
  'spec.identity.kerberos.krb5ConfSecretRef',
  'spec.identity.kerberos.machineAccount.secretRef',
  'spec.identity.kerberos.machineAccount.keytabSecretRef',
  'spec.metrics.bearerTokenSecret',
];

function refRules(path: string): Rule[] {
  const id = path.replace('spec.', '').replace('identity.', '').replaceAll('.', '-');
  const name = `${path}.name`;
  const key = `${path}.key`;
  return [
    {
      id: `${id}-name`,
      kind: 'valid',
      fieldPath: name,
      cel: when(name, `self.${name} == '' || ${matches(`self.${name}`, DNS_SUBDOMAIN)}`),
      ...wrongText(name, 'the name of a Secret'),
    },
    {
      id: `${id}-key`,
      kind: 'valid',
      fieldPath: key,
      cel: `!${given(name)} || !has(self.${key}) || ${matches(`self.${key}`, SECRET_KEY)}`,
      message: `${key} must name a key of the Secret`,
      messageExpression: `${quoted(`${key} is "`)} + self.${key} + ${quoted('", must name a key of the Secret "')} + self.${name} + '"'`,
    },
  ];
}

const kerberos = 'spec.identity.kerberos';
const machine = `${kerberos}.machineAccount`;
const ldap = 'spec.identity.ldap';

/** Asks for a text while something is switched on. */
function needed(id: string, switches: string[], path: string, what: string): Rule {
  return {
    id,
    kind: 'valid',
    fieldPath: path,
    cel: `!(${switches.map((path) => on(path)).join(' && ')}) || ${given(path)}`,
    message: `${path} is required: ${what}`,
  };
}

const kerberosOn = [`${kerberos}.enabled`];
const machineOn = [`${kerberos}.enabled`, `${machine}.enabled`];
const ldapOn = [`${ldap}.enabled`];

export const identityRules: readonly Rule[] = [
  ...SECRET_KEY_REFS.flatMap(refRules),
  durationRule('jwt-access-duration', 'spec.identity.jwt.accessTokenDuration'),
  durationRule('jwt-refresh-duration', 'spec.identity.jwt.refreshTokenDuration'),
  needed(
    'kerberos-principal',
    kerberosOn,
    `${kerberos}.servicePrincipal`,
    'Kerberos needs the principal of the server',
  ),
  needed('kerberos-keytab', kerberosOn, `${kerberos}.keytabSecretRef.name`, 'Kerberos needs the keytab of the server'),
  needed('machine-account-name', machineOn, `${machine}.accountName`, 'the machine account needs its name'),
  {
    id: 'machine-account-secret',
    kind: 'valid',
    fieldPath: machine,
    cel:
      `!(${machineOn.map((path) => on(path)).join(' && ')}) || ` +
      `${given(`${machine}.secretRef.name`)} || ${given(`${machine}.keytabSecretRef.name`)}`,
    message: `${machine} needs secretRef (a password) or keytabSecretRef`,
  },
  {
    id: 'ldap-url',
    kind: 'valid',
    fieldPath: `${ldap}.url`,
    cel: `!${on(`${ldap}.enabled`)} || (${has(`${ldap}.url`)} && ${matches(`self.${ldap}.url`, '^ *[lL][dD][aA][pP][sS]?://')})`,
    message: `${ldap}.url must start with ldaps:// or ldap://`,
    messageExpression: `${quoted(`${ldap}.url is "`)} + self.${ldap}.url + '", must start with ldaps:// or ldap://'`,
  },
  needed('ldap-base-dn', ldapOn, `${ldap}.baseDN`, 'LDAP needs to know where to search'),
  needed('ldap-bind-dn', ldapOn, `${ldap}.bindDN`, 'the server does not search anonymously'),
  needed(
    'ldap-bind-password',
    ldapOn,
    `${ldap}.bindPasswordSecretRef.name`,
    'without a password the directory would let the server in as anybody',
  ),
  {
    id: 'ldap-plaintext',
    kind: 'valid',
    fieldPath: `${ldap}.url`,
    cel:
      `!${on(`${ldap}.enabled`)} || !(${has(`${ldap}.url`)} && ${matches(`self.${ldap}.url`, '^ *[lL][dD][aA][pP]://')}) || ` +
      `${on(`${ldap}.startTLS`)} || ${on(`${ldap}.allowPlaintext`)}`,
    message:
      `${ldap}.url is ldap://, which sends the password in the clear: set startTLS, use ldaps://, or set ` +
      'allowPlaintext if that is wanted',
  },
];
