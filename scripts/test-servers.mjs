// Real servers and a browser for the tests, from the distribution's packages: installed when this is Debian (or a child of
// it) and we are root, for tests must meet the real thing. Elsewhere the tests that need one say so and are skipped.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

/** Command looked for, and the packages that bring it. */
const WANTED = {
  chromium: ['chromium'],
  prometheus: ['prometheus'],
  kcat: ['kcat'],
  ip: ['iproute2'],
};

/** An S3 service; only the long suites talk to it, for it takes most of a minute to install and to start. */
const WANTED_BY_LONG_SUITES = { radosgw: ['radosgw', 'ceph-mon', 'ceph-osd', 'ceph-mgr'] };

const onPath = (command) =>
  [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin', '/sbin'].some((folder) =>
    existsSync(path.join(folder, command)),
  );

/** Resolves when what can be installed is; never fails, because a missing server skips tests and breaks none. */
export async function installTestServers(say, { long = false } = {}) {
  const wanted = long ? { ...WANTED, ...WANTED_BY_LONG_SUITES } : WANTED;
  const missing = Object.keys(wanted).filter((command) => !onPath(command));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || spawnSync('apt-get', ['--version']).error !== undefined) {
    say(
      `tests that need ${missing.join(', ')} will be skipped: not on the PATH, and only root on Debian can install them`,
    );
    return;
  }
  say(`installing servers that tests talk to (once): ${missing.join(', ')} …`);
  const started = Date.now();
  const packages = missing.flatMap((command) => wanted[command]);
  const install = ['install', '-y', '--no-install-recommends', ...packages];
  const done = (await aptGet(['update'])) && (await aptGet(install));
  if (done) say(`servers installed in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  else say(`apt-get could not install ${packages.join(', ')}: tests that need them will be skipped`);
}

function aptGet(args) {
  return new Promise((resolve) => {
    const child = spawn('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=120', ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}
