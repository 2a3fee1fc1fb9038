/**
 * Programs beside those of the interop suite that docs/clients.md has examples for: PHP, and the Java library Commons Net. Unpacked from Debian
 * packages; the Java machine itself is that of the host.
 */
import { join } from 'node:path';
import { type Packages, provideDebianPackages } from '../support/debian-packages.ts';
import { runProgram } from '../support/processes.ts';

/** PHP with its FTP extension, or the reason why this machine cannot have it. */
export function providePhp(): Promise<Packages | string> {
  return provideDebianPackages({
    folder: join(import.meta.dirname, '.packages/php'),
    wanted: ['php-cli'],
    also: /^php\d\.\d-(cli|common)$/,
    mustLoad: ['usr/bin/php8.2'],
  });
}

/** Apache Commons Net, or the reason why this machine cannot have it or has no Java that runs a source file. */
export async function provideCommonsNet(): Promise<Packages | string> {
  const java = await runProgram('/usr/bin/java', ['--list-modules']).catch(() => undefined);
  if (!java?.output.includes('jdk.compiler@')) return 'this machine has no /usr/bin/java with a compiler';
  return provideDebianPackages({
    folder: join(import.meta.dirname, '.packages/commons-net'),
    wanted: ['libcommons-net-java'],
    mustLoad: [],
  });
}
