/** Studies made for a test (`made.py`, `../peers/dicom_slides.py`) and stored as the township hospital. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
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

export async function store(kind: string, ...more: string[]): Promise<Made> {
  return inFolder(async (folder) => {
    const said = execFileSync(python, [join(import.meta.dirname, 'made.py'), kind, folder, ...more], { encoding: 'utf8' });
    await send(folder);
    return { org: township().id, ...(JSON.parse(said) as Omit<Made, 'org'>) };
  });
}

export interface MadeSlide {
  id: string;
  source: string;
  study_instance_uid: string;
}

/** Slides as other makers send them, by the names that `dicom_slides.py` gives them, all of one study; once all can be seen. */
export async function storeSlides(...names: string[]): Promise<Map<string, MadeSlide>> {
  const root = resolve(import.meta.dirname, '../..');
  const samples = process.env['FARSIGHT_SAMPLES'] ?? join(root, 'sample-data/cache');
  const study = await inFolder(async (folder) => {
    execFileSync(python, [join(root, 'tests/peers/dicom_slides.py'), join(samples, 'demo/slides/CMU-1-Small-Region.svs'), folder, ...names]);
    const stored = await send(folder);
    const [first] = stored['00081199']?.Value ?? [];
    return await studyOf(first?.['00081155']?.Value[0] ?? '');
  });
  const found = new Map<string, MadeSlide>();
  for (let tries = 0; found.size < names.length; tries += 1) {
    if (tries === 60) throw new Error(`of ${names.join(', ')} there are ${[...found.keys()].join(', ')}`);
    await pause(500);
    const { slides } = (await json('/api/v1/slides')) as { slides: MadeSlide[] };
    for (const slide of slides.filter((one) => one.study_instance_uid === study)) found.set(slide.source, slide);
  }
  return found;
}

function township() {
  const [found] = demo().organisations;
  if (found === undefined) throw new Error('the demo has no organisations');
  return found;
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'farsight-made-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function json(path: string): Promise<unknown> {
  const answer = await fetch(`${demo().base_url}${path}`, { headers: { Authorization: `Bearer ${township().token}` } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** The study of an instance. */
async function studyOf(instance: string): Promise<string> {
  const found = (await json(`/dicom-web/instances?SOPInstanceUID=${instance}`)) as Record<string, { Value?: string[] }>[];
  const study = found[0]?.['0020000D']?.Value?.[0];
  if (study === undefined) throw new Error(`there is no instance ${instance}`);
  return study;
}

interface Stored {
  [tag: string]: { Value: { [tag: string]: { Value: string[] } }[] };
}

/** Sends the DICOM files of a folder by STOW-RS. */
async function send(folder: string): Promise<Stored> {
  const files = readdirSync(folder).filter((name) => name.endsWith('.dcm'));
  const parts = files.flatMap((name) => [Buffer.from('--made\r\nContent-Type: application/dicom\r\n\r\n'), readFileSync(join(folder, name)), Buffer.from('\r\n')]);
  const answer = await fetch(`${demo().base_url}/dicom-web/studies`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${township().token}`, 'Content-Type': 'multipart/related; type="application/dicom"; boundary=made', Accept: 'application/dicom+json' },
    body: Buffer.concat([...parts, Buffer.from('--made--\r\n')]),
  });
  if (answer.status !== 200) throw new Error(`not all of it was stored: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Stored;
}
