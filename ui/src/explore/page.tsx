import { EmptyState } from '../components/empty-state.tsx';

export default function ExplorePage() {
  return (
    <EmptyState title="Explore">
      <p>This page is not in this build.</p>
    </EmptyState>
  );
}
