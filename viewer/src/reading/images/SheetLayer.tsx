/** Pixels laid over an image, in a layer of their own: the image's stay as they are. */
import { useEffect, useRef } from 'react';
import type { Affine } from './documents/affine';
import classes from './Images.module.css';

export interface Sheet {
  canvas: HTMLCanvasElement;
  /** From its pixels to the image's. */
  affine: Affine;
}

export function sheetOf(data: ImageData, affine: Affine): Sheet {
  const canvas = Object.assign(document.createElement('canvas'), { width: data.width, height: data.height });
  canvas.getContext('2d')?.putImageData(data, 0, 0);
  return { canvas, affine };
}

interface Props {
  sheets: readonly Sheet[];
  affine: Affine;
  /** By which tests find it, and what they ask of it. */
  'data-testid': string;
  'data-image': string;
  'data-state': string;
  'data-pixels': number;
}

export function SheetLayer({ sheets, affine, ...data }: Props) {
  const screen = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const canvas = screen.current;
    const pen = canvas?.getContext('2d');
    if (canvas === null || pen == null) return;
    const ratio = window.devicePixelRatio;
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    for (const sheet of sheets) {
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.transform(...affine);
      pen.transform(...sheet.affine);
      // A pixel is in or out: nothing is made up between two of them.
      pen.imageSmoothingEnabled = false;
      pen.drawImage(sheet.canvas, 0, 0);
    }
  }, [sheets, affine]);
  return <canvas ref={screen} className={classes.sheets} aria-hidden {...data} />;
}
