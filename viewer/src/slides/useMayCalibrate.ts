/** Whether the person may give a slide its scale: only where the scanner has not said it. */
import type { Slide } from '../api/types';
import { hasRole, useMe } from '../session/useMe';

export function useMayCalibrate(slide: Slide): boolean {
  const me = useMe();
  const isOpen = slide.mpp_um === null || slide.calibration !== null;
  const own = slide.organisation.id === me.organisation.id;
  return isOpen && (hasRole(me, 'reader', 'reviewer') || (own && hasRole(me, 'requester', 'uploader', 'archivist')));
}
