// A line over time. The plot is drawn by uPlot, fetched when the first chart appears; its numbers
// stand in a table below it.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import 'uplot/dist/uPlot.min.css';

export function Lines({ label, at, values, name }: { label: string; at: number[]; values: number[]; name: string }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const box = place.current!;
    let gone = false;
    let plot: { destroy: () => void; setSize: (size: { width: number; height: number }) => void } | undefined;
    const resize = new ResizeObserver(() => plot?.setSize({ width: box.clientWidth, height: 180 }));
    void import('uplot').then(({ default: Plot }) => {
      if (gone) return;
      const style = getComputedStyle(box.appendChild(document.createElement('i')));
      const colour = (name: string) => { (box.firstChild as HTMLElement).style.color = `var(${name})`; return style.color; };
      const axis = { stroke: colour('--quiet'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
      plot = new Plot({
        width: box.clientWidth, height: 180, legend: { show: false }, cursor: { show: false },
        scales: { x: { time: true }, y: { range: (_u, _low, high) => [0, Math.max(1, high * 1.1)] } },
        axes: [{ ...axis, values: (_u, splits) => splits.map((s) => new Date(s * 1000).toISOString().slice(0, 7)) }, axis],
        series: [{}, { label: name, stroke: colour('--accent'), width: 2, points: { show: true, size: 5 },
          fill: colour('--wash') }],
      }, [at, values], box);
      box.firstElementChild?.remove();
      resize.observe(box);
    });
    return () => { gone = true; resize.disconnect(); plot?.destroy(); };
  }, [at.join(), values.join()]);
  return <div class="plot" ref={place} role="img" aria-label={label} />;
}
