/** A series on its way from the list into a viewport. */

export const seriesType = 'application/x-farsight-series';

export function dragSeries(data: DataTransfer, seriesUid: string): void {
  data.setData(seriesType, seriesUid);
  data.effectAllowed = 'copy';
}

export function draggedSeries(data: DataTransfer): string | null {
  const uid = data.getData(seriesType);
  return uid === '' ? null : uid;
}
