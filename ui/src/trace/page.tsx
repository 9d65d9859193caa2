import { EmptyState } from '../components/empty-state.tsx';

export default function TracePage() {
  return (
    <EmptyState title="Trace">
      <p>This page is not in this build.</p>
    </EmptyState>
  );
}
