/** Studies made for a test (`made.py`) and stored as the township hospital. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { demo } from './node.ts';

const python = process.env['FARSIGHT_PYTHON'] ?? resolve(import.meta.dirname, '../../.venv/bin/python');

export interface Made {
  /** Owner and UID. */
  org: string;
  study: string;
  /** Of each instance, in the order in which they were made. */
  series: string[];
  instances: string[];
}

export async function store(kind: string): Promise<Made> {
  const folder = mkdtempSync(join(tmpdir(), 'farsight-made-'));
  const [township] = demo().organisations;
  if (township === undefined) throw new Error('the demo has no organisations');
  try {
    const said = execFileSync(python, [join(import.meta.dirname, 'made.py'), kind, folder], { encoding: 'utf8' });
    const parts = readdirSync(folder).flatMap((name) => [Buffer.from('--made\r\nContent-Type: application/dicom\r\n\r\n'), readFileSync(join(folder, name)), Buffer.from('\r\n')]);
    const answer = await fetch(`${demo().base_url}/dicom-web/studies`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${township.token}`, 'Content-Type': 'multipart/related; type="application/dicom"; boundary=made', Accept: 'application/dicom+json' },
      body: Buffer.concat([...parts, Buffer.from('--made--\r\n')]),
    });
    if (answer.status !== 200) throw new Error(`not all of it was stored: ${answer.status} ${await answer.text()}`);
    return { org: township.id, ...(JSON.parse(said) as Omit<Made, 'org'>) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
