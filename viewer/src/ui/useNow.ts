/** The present by the server's clock, renewed often enough for clocks that show minutes. */
import { useEffect, useState } from 'react';
import { serverNow } from '../api/connection';

const period_ms = 15_000;

export function useNow(): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), period_ms);
    return () => clearInterval(timer);
  }, []);
  return now;
}
