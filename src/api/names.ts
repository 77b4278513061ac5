/** How the kind is called. */
export const GROUP = 'dittofs.dittofs.com';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}` as const;
export const KIND = 'DittoServer';
export const PLURAL = 'dittoservers';
export const CRD_NAME = `${PLURAL}.${GROUP}` as const;
