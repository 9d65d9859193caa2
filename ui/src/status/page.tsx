import { EmptyState } from '../components/empty-state.tsx';

export default function StatusPage() {
  return (
    <EmptyState title="Status">
      <p>This page is not in this build.</p>
    </EmptyState>
  );
}
