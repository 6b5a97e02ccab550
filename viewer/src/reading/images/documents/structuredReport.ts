/** The content tree of a structured report (PS3.3 §C.17.3) as lines, without recursion and within limits: it is a stranger's. */
import type { Instance } from '../dicomJson';

export interface ReportLine {
  depth: number;
  /** Concept name. */
  name: string;
  value: string;
  isHeading: boolean;
}

const linesMax = 2_000;
const depthMax = 24;

const tag = {
  title: '0040A043',
  meaning: '00080104',
  codeValue: '00080100',
  valueType: '0040A040',
  content: '0040A730',
  text: '0040A160',
  code: '0040A168',
  measured: '0040A300',
  number: '0040A30A',
  units: '004008EA',
  name: '0040A123',
  dateTime: '0040A120',
  date: '0040A121',
  time: '0040A122',
  uid: '0040A124',
  graphic: '00700023',
} as const;

const first = (item: Instance | undefined, of: string): unknown => item?.[of]?.Value?.[0];
const item = (of: Instance | undefined, at: string) => first(of, at) as Instance | undefined;

function word(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  const name = value as { Alphabetic?: string; Ideographic?: string } | undefined;
  return (name?.Ideographic ?? name?.Alphabetic ?? '').replaceAll('^', ' ').trim();
}

const meaning = (code: Instance | undefined) => word(first(code, tag.meaning)) || word(first(code, tag.codeValue));

function valueOf(node: Instance): string {
  switch (word(first(node, tag.valueType))) {
    case 'TEXT':
      return word(first(node, tag.text));
    case 'CODE':
      return meaning(item(node, tag.code));
    case 'NUM': {
      const measured = item(node, tag.measured);
      const units = item(measured, tag.units);
      const unit = word(first(units, tag.codeValue));
      return [word(first(measured, tag.number)), unit === '1' ? '' : unit].filter((part) => part !== '').join(' ');
    }
    case 'PNAME':
      return word(first(node, tag.name));
    case 'DATETIME':
      return word(first(node, tag.dateTime));
    case 'DATE':
      return word(first(node, tag.date));
    case 'TIME':
      return word(first(node, tag.time));
    case 'UIDREF':
      return word(first(node, tag.uid));
    case 'SCOORD':
    case 'SCOORD3D':
      return word(first(node, tag.graphic));
    default:
      return '';
  }
}

export function reportLines(report: Instance): { lines: ReportLine[]; isCut: boolean } {
  const lines: ReportLine[] = [];
  const waiting: { node: Instance; depth: number }[] = [{ node: report, depth: 0 }];
  while (waiting.length > 0 && lines.length < linesMax) {
    const { node, depth } = waiting.pop() as { node: Instance; depth: number };
    const [name, value] = [meaning(item(node, tag.title)), valueOf(node)];
    const isHeading = word(first(node, tag.valueType)) === 'CONTAINER';
    if (name !== '' || value !== '') lines.push({ depth, name, value, isHeading });
    const below = (node[tag.content]?.Value ?? []) as Instance[];
    if (depth < depthMax) for (const one of [...below].reverse()) waiting.push({ node: one, depth: depth + 1 });
  }
  return { lines, isCut: waiting.length > 0 };
}
