/** Lines over months. What it shows is in the table beside it, too; colours and dashes are the style sheet's. */
import { useElementSize } from '@mantine/hooks';
import { useId } from 'react';
import classes from './Charts.module.css';
import { labelStep, levelPath, linePath, ticks } from './scale';

export interface Line {
  name: string;
  look: 'main' | 'upper' | 'target';
  values: (number | null)[];
}

interface Props {
  title: string;
  /** What the numbers are in. */
  unit: string;
  labels: string[];
  lines: Line[];
}

const height = 220;
const edge = { top: 12, right: 16, bottom: 24, left: 44 };
const label_px = 64;

export function LineChart({ title, unit, labels, lines }: Props) {
  const { ref, width: measured } = useElementSize();
  const id = useId();
  const width = Math.max(measured, 240);
  const marks = ticks(Math.max(1, ...lines.flatMap(({ values }) => values.filter((value) => value !== null))));
  const top = marks.at(-1) ?? 1;
  const room = width - edge.left - edge.right;
  const x = (at: number) => edge.left + (labels.length === 1 ? room / 2 : (room * at) / (labels.length - 1));
  const y = (value: number) => edge.top + (height - edge.top - edge.bottom) * (1 - value / top);
  const step = labelStep(labels.length, room, label_px);
  return (
    <div ref={ref} className={classes.drawing}>
      <svg width={width} height={height} role="img" aria-labelledby={id}>
        <title id={id}>{title}</title>
        {marks.map((mark) => (
          <g key={mark}>
            <line className={classes.grid} x1={edge.left} x2={width - edge.right} y1={y(mark)} y2={y(mark)} />
            <text className={classes.label} x={edge.left - 6} y={y(mark)} textAnchor="end" dominantBaseline="middle">
              {mark}
            </text>
          </g>
        ))}
        {labels.map(
          (label, at) =>
            at % step === 0 && (
              <text key={label} className={classes.label} x={x(at)} y={height - 6} textAnchor="middle">
                {label}
              </text>
            ),
        )}
        {lines.map(({ name, look, values }) => (
          <g key={name} className={classes.line} data-look={look}>
            <path d={look === 'target' ? levelPath(values, x, y, [edge.left, width - edge.right]) : linePath(values, x, y)} />
            {look !== 'target' &&
              values.map(
                (value, at) =>
                  value !== null && (
                    <circle key={labels[at]} cx={x(at)} cy={y(value)} r={3}>
                      <title>{`${labels[at] ?? ''} ${name} ${value} ${unit}`}</title>
                    </circle>
                  ),
              )}
          </g>
        ))}
      </svg>
      <ul className={classes.legend} aria-hidden>
        {lines.map(({ name, look }) => (
          <li key={name} className={classes.line} data-look={look}>
            <svg width={24} height={8}>
              <path d="M0 4L24 4" />
            </svg>
            {name}
          </li>
        ))}
        <li>{unit}</li>
      </ul>
    </div>
  );
}
