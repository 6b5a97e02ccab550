/** What a request is about: the instances that were frozen when it was sent. What joined the study later is no part of it. */
import type { Consult, ReportDraft, Slide, StudyDetail } from '../api/types';

/** SOP Instance UIDs. */
export type Evidence = ReadonlySet<string>;

export function evidenceOf(consult: Pick<Consult, 'evidence'>): Evidence {
  return new Set(consult.evidence.map(({ sop_instance_uid: uid }) => uid));
}

/** Of what was on the screen, only what the request is about may be reported as displayed: the server refuses the rest. */
export function withinEvidence<Part extends Pick<ReportDraft, 'displayed'>>(report: Part, evidence: Evidence): Part {
  return { ...report, displayed: report.displayed.filter((uid) => evidence.has(uid)) };
}

/** Whether a slide belongs to the request; its last levels may have arrived after it. */
export function isInEvidence(slide: Pick<Slide, 'levels'>, evidence: Evidence): boolean {
  return slide.levels.some(({ sop_instance_uid: uid }) => evidence.has(uid));
}

/** The study as it was asked about: what was left out of the question is marked, and comes last. */
export function asAskedAbout(study: StudyDetail, leftOut: readonly string[]): StudyDetail {
  if (leftOut.length === 0) return study;
  const series = study.series.map((one) => ({ ...one, left_out: leftOut.includes(one.series_instance_uid) }));
  return { ...study, series: [...series.filter((one) => !one.left_out), ...series.filter((one) => one.left_out)] };
}
