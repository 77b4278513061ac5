import Type, { type Static } from 'typebox';
import { defaults } from './defaults.ts';
import { flag, list, LONG, object, oneOf, optional, secretKeyRef, text } from './schema-parts.ts';

const identity = defaults.identity;

export const jwtSchema = object('Tokens of the REST API.', {
  secretRef: secretKeyRef('Signing secret of the tokens, at least 32 characters.'),
  accessTokenDuration: optional(
    text('How long an access token is valid.', { default: identity.jwt.accessTokenDuration, maxLength: 64 }),
  ),
  refreshTokenDuration: optional(
    text('How long a refresh token is valid.', { default: identity.jwt.refreshTokenDuration, maxLength: 64 }),
  ),
  issuer: optional(text('Issuer of the tokens. The server always uses `dittofs`.')),
});
export type JwtSpec = Static<typeof jwtSchema>;

export const adminSchema = object('The administrator that the server creates when its database has none.', {
  username: optional(
    text('Name of the administrator. The server always uses `admin`.', {
      default: identity.admin.username,
      maxLength: LONG,
    }),
  ),
  passwordSecretRef: optional(
    secretKeyRef(
      'The initial password in clear text. Not set: the operator generates one. A database that already has an ' +
        'administrator keeps its password.',
    ),
  ),
});
export type AdminSpec = Static<typeof adminSchema>;

export const ldapSchema = object('LDAP or Active Directory as a source of users and groups.', {
  enabled: optional(flag('Whether LDAP is used.')),
  url: text('URL of the directory, `ldaps://` or `ldap://`.', { maxLength: LONG }),
  startTLS: optional(flag('Whether an `ldap://` connection is upgraded to TLS.')),
  allowPlaintext: optional(flag('Whether an unencrypted connection is allowed. For tests only.')),
  baseDN: text('Where searches start.', { maxLength: LONG }),
  bindDN: text('The account that the server binds as.', { maxLength: LONG }),
  bindPasswordSecretRef: optional(secretKeyRef('Password of the bind account.')),
  userAttr: optional(text('Attribute that a login name is compared with.')),
  realm: optional(text('Realm that is cut off or added to names.')),
  idmap: optional(oneOf(['rfc2307', 'rid'], 'How numeric user and group ids are found.')),
  nestedGroups: optional(flag('Whether groups in groups are followed.')),
  caCertFile: optional(text('CA certificate file inside the container.')),
  insecureSkipVerify: optional(flag("Whether the directory's certificate is not verified. For tests only.")),
});
export type LdapSpec = Static<typeof ldapSchema>;

export const machineAccountSchema = object('Machine account for NETLOGON pass-through of NTLM logins.', {
  enabled: optional(flag('Whether the machine account is used.')),
  accountName: optional(text("The account's name, usually ending in `$`.", { maxLength: LONG })),
  secretRef: optional(secretKeyRef("The account's password.")),
  keytabSecretRef: optional(secretKeyRef("The account's keytab, instead of a password.")),
  dcAddress: optional(
    list(Type.String({ description: 'A domain controller, host or host:port.' }), 'Domain controllers to ask.'),
  ),
});
export type MachineAccountSpec = Static<typeof machineAccountSchema>;

export const kerberosSchema = object('Kerberos for NFSv4 and SMB.', {
  enabled: optional(flag('Whether Kerberos is used.')),
  servicePrincipal: optional(text("The server's principal, such as `nfs/host@REALM`.", { maxLength: LONG })),
  realm: optional(text('Kerberos realm.')),
  netbiosDomain: optional(text('NetBIOS domain announced to SMB clients.')),
  dnsDomain: optional(text('DNS domain announced to SMB clients; the realm in lower case when not set.')),
  keytabSecretRef: optional(secretKeyRef("Keytab of the server's principal.")),
  krb5Conf: optional(text('Path of a krb5.conf inside the container, when no Secret holds it.')),
  krb5ConfSecretRef: optional(secretKeyRef('A krb5.conf.')),
  machineAccount: optional(machineAccountSchema),
});
export type KerberosSpec = Static<typeof kerberosSchema>;

export const identitySchema = object('Who may use the server and how it recognises them.', {
  type: optional(oneOf(['memory'], 'Identity store; there is one kind.', { default: identity.type })),
  jwt: optional(jwtSchema),
  admin: optional(adminSchema),
  ldap: optional(ldapSchema),
  kerberos: optional(kerberosSchema),
});
export type IdentitySpec = Static<typeof identitySchema>;
