#!/usr/bin/env node
process.stdout.write('dittofs-operator\n');
